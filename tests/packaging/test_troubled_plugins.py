"""Plugins in trouble disturb no spec that does not use them, and are named where one does."""

import os

import pytest

from forked_commands import run_composer

SOUND = """
from torch import Tensor

def double(x: Tensor) -> Tensor:
    return 2 * x
"""

SOUND_NAMES = ["only_a", "twin-a/double", "twin-b/double", "twin_b/double"]

pytestmark = pytest.mark.slow  # every test is a command

NODE = "  node{place}: {{uses: {uses}, inputs: {{x: x}}}}\n"
SPEC = "composer: 1\ninputs: {{x: any}}\nnodes:\n{nodes}outputs: {{y: node0}}\n"


def write_spec(path, *names):
    """Writes a spec with one node for each name; the first stands in line 4."""
    nodes = "".join(NODE.format(place=place, uses=uses) for place, uses in enumerate(names))
    path.write_text(SPEC.format(nodes=nodes))


def publish(folder, distribution, version, source, names):
    """Puts a plugin into a folder as an installation would: a module and its metadata."""
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    metadata = folder / f"{module}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    entries = "".join(f"{name} = {module}:{target}\n" for name, target in names.items())
    (metadata / "entry_points.txt").write_text(f"[composer.nodes]\n{entries}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A place on the path with two plugins that clash and four that are broken."""
    folder = tmp_path_factory.mktemp("troubled")
    publish(folder, "twin-a", "1.0", SOUND, {"double": "double", "only_a": "double"})
    publish(folder, "twin-b", "2.0", SOUND, {"double": "double"})
    publish(folder, "with-error", "3.1", "1 / 0", {"crashing": "f"})
    publish(folder, "without-module", "3.2", "import no_such_module", {"lacking": "f"})
    publish(folder, "without-object", "3.3", SOUND, {"absent": "missing"})
    publish(folder, "misspelt", "3.4", SOUND, {})
    (folder / "misspelt-3.4.dist-info" / "entry_points.txt").write_text("no section\n")
    return folder


@pytest.fixture(scope="module")
def compose(folder):
    """Runs the command line with the folder on the path; gives what it prints as one line."""
    environment = os.environ | {"PYTHONPATH": str(folder), "NO_COLOR": "1"}

    def run(*arguments, code=0):
        ended, printed = run_composer(arguments, folder, environment)
        assert ended == code, printed
        assert "Traceback" not in printed
        return " ".join(printed.split())

    return run


@pytest.fixture(scope="module")
def problems(compose, folder):
    """What the check says of a spec with a node for each trouble."""
    write_spec(folder / "troubled.yaml", "double", "crashing", "lacking", "absent", "only_a")
    return compose("check", "troubled.yaml", code=1)


def test_specs_that_avoid_the_trouble_pass(compose, folder):
    write_spec(folder / "sound.yaml", *SOUND_NAMES)
    text = compose("check", "sound.yaml", "mask_rcnn_r50_fpn")
    assert "sound.yaml: ok" in text
    assert "mask_rcnn_r50_fpn: ok" in text


def test_listing_names_every_plugin_but_the_unreadable(compose):
    listing = compose("nodes")
    for part in ("twin-a 1.0", "twin-b 2.0", "crashing", "lacking", "absent", "mask_head"):
        assert part in listing
    assert "misspelt" not in listing


def test_name_that_two_plugins_publish_is_an_error_with_both(problems):
    assert (
        "troubled.yaml:4:17: node type 'double' is published by twin-a (twin-a 1.0) and "
        in problems
    )
    assert "twin-b (twin-b 2.0); write 'twin-a/double' or 'twin-b/double'" in problems


@pytest.mark.parametrize(
    ("place", "plugin", "error"),
    [
        (
            "5:17: 'crashing' of",
            "with-error (with-error 3.1)",
            "ZeroDivisionError: division by zero",
        ),
        ("6:17: 'lacking' of", "without-module (without-module 3.2)", "named 'no_such_module'"),
        ("7:17: 'absent' of", "without-object (without-object 3.3)", "no attribute 'missing'"),
    ],
)
def test_plugin_that_fails_to_import_is_named_with_its_version(problems, place, plugin, error):
    _, _, rest = problems.partition(f"troubled.yaml:{place} {plugin} ")
    assert error in rest


def test_sound_plugin_beside_troubled_ones_is_no_problem(problems):
    assert problems.endswith("4 problems.")
