"""An outside plugin, installed beside our wheel in a fresh environment, works as ours do."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from fresh_environment import Environment, build_wheel

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "third_party" / "composer_edge_masks"
SPEC = "mask_rcnn_edge"
NARROW = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 4,
    "num_classes": 3,
    "rpn_post_nms_topk_inference": 20,
    "score_threshold": 0.0,
}
SETTINGS = [part for name, value in NARROW.items() for part in ("--set", f"{name}={value}")]

pytestmark = pytest.mark.slow  # installs wheels into a fresh environment


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("third_party")
    wheels = [build_wheel(project, folder / project.name) for project in (ROOT, PLUGIN)]
    return Environment.make(folder / "environment", wheels)


@pytest.fixture
def compose(environment, tmp_path):
    """Runs the command line in an empty folder."""

    def run(*arguments):
        return environment.run("composer", *arguments, folder=tmp_path).stdout

    return run


def test_packages_come_from_the_wheels(environment, tmp_path):
    packages = ["composer", "composer_rcnn", "composer_edge_masks"]
    program = (
        f"import {', '.join(packages)}, sys\n"
        f"for package in [{', '.join(packages)}]: print(package.__file__)\n"
        "print(*sys.path, sep='\\n')"
    )
    lines = environment.run("python", "-c", program, folder=tmp_path).stdout.splitlines()
    for file in lines[: len(packages)]:
        assert Path(file).is_relative_to(environment.site_packages)
    assert not {str(ROOT), str(ROOT / "plugins")} & set(lines[len(packages) :])


def test_node_type_is_listed_with_its_plugin_and_version(compose):
    (line,) = [line for line in compose("nodes").splitlines() if "edge_mask_head" in line]
    assert "composer-edge-masks" in line
    assert "0.3.0" in line


def test_node_type_describes_itself(compose):
    text = compose("nodes", "edge_mask_head")
    for part in ("RegionFeatures", "MaskLogits", "EdgeLogits", "dilations", "[1, 2, 4]"):
        assert part in text


def test_spec_is_listed_with_its_plugin_and_version(compose):
    listing = " ".join(compose("specs").split())
    assert f" {SPEC} Mask R-CNN with outlines beside the masks (Cheng et al. 2020). " in listing
    assert listing.endswith("[composer-edge-masks (composer-edge-masks 0.3.0)]")


@pytest.mark.parametrize("name", [SPEC, f"composer-edge-masks/{SPEC}"])
def test_spec_passes_the_check_by_its_name(compose, name):
    compose("check", name)


def test_spec_runs_until_the_plugins_head(compose, tmp_path):
    text = compose("run", SPEC, *SETTINGS, "--until", "mask_head")
    assert "roi_heads.mask_head" in text
    (line,) = [line for line in text.splitlines() if "not run" in line]
    assert "roi_heads.masks" in line
    assert "postprocess" in line
    (saved,) = tmp_path.glob("runs/**/*.safetensors")
    tensors = load_file(saved)
    shapes = {tuple(tensor.shape[1:]) for tensor in tensors.values()}
    assert (3, 28, 28) in shapes


def test_spec_runs_to_the_end(compose, tmp_path):
    text = compose("run", SPEC, *SETTINGS)
    assert "postprocess" in text
    assert "not run" not in text


def test_tests_of_the_plugin_pass(environment, tmp_path):
    shutil.copytree(PLUGIN / "tests", tmp_path / "tests")
    shutil.copy(PLUGIN / "pyproject.toml", tmp_path)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    environment.run("python", "-m", "pytest", *options, "tests", folder=tmp_path)
