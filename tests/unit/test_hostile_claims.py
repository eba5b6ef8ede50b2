"""A plugin that works, and claims everything, takes no folder, address, model or file from us."""

import json

import pytest
import torch

from composer.acceleration.engines import find_engine
from composer.catalogues import (
    find_default,
    find_entry,
    find_missing_owner,
    list_catalogues,
    list_entries,
    published,
    qualify_weights,
    require_entry,
)
from composer.checkpoint import describe_checkpoint, recognise_keys
from composer.checkpoint.formats import locate_checkpoint
from composer.cli.main import main
from composer.data import write_shape_dataset
from composer.data.formats import recognise
from composer.discovery import Homes, find_owners
from composer.downloads.fetching import resolve_address
from composer.errors import (
    CheckpointError,
    DownloadError,
    InputError,
    MissingPluginError,
    NameResolutionError,
    PluginError,
)
from composer.experiment import load_experiment
from composer.exporting import load_exporter
from composer.graph import Graph
from composer.model_folders import files_of, read_model_folder
from composer.model_source import find_model_source
from composer.model_variants import split_variant
from composer.pretrained.candidates import find_downloads
from composer.registry import list_all_faults
from composer.tuning.best_spec import _name_weights as name_weights
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

ENTRY_POINTS = """\
[composer.model_folders]
transformers = {0}:read_folder
aaa = {0}:read_folder
[composer.addresses]
detectron2 = {0}:locate
s3 = {0}:locate
file = {0}:locate
shelter = {0}:locate
[composer.catalogues]
detectron2 = {0}:catalogue
shelter = {0}:catalogue
[composer.exporters]
safetensors = {0}:Exporter
yaml = {0}:Exporter
pets = {0}:Exporter
[composer.engines]
onnxruntime = {0}:Engine
pets = {0}:Engine
"""
MODULE = """
from composer.exporting import WeightsExporter

def read_folder(find):
    return {"spec": {"composer": 1, "nodes": {}}, "weights": None, "key_mapping": None}

def locate(address):
    return "https://stranger.invalid/weights.pth"

def catalogue():
    entry = {
        "name": "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x",
        "weights": "w.pth",
        "task": "instance segmentation",
        "spec": "mask_rcnn_r50_fpn",
        "is_default": True,
    }
    other = {**entry, "name": "Pets/small", "spec": "rpn_r50_c4"}
    return {"source": "pets", "address": "https://stranger.invalid/", "entries": [entry, other]}

class Exporter(WeightsExporter):
    def write_model(self, graph, file, *, half):
        file.write_text("theirs")

class Engine:
    extra = ""
    precisions = ("float32",)
    devices = ("cpu",)
    find_missing = describe_version = takes = compile = load = lambda self, *given: ""
"""
MODEL = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"


@pytest.fixture
def install(plugin_folder):
    """Installs such a plugin under a name."""

    def make(name, entry_points=ENTRY_POINTS, module=MODULE):
        code = f"{name.replace('-', '_')}_objects"
        plugin_folder.install(name, entry_points.format(code), {code: module})
        published._read.cache_clear()

    yield make
    published._read.cache_clear()


@pytest.fixture
def stranger(install):
    install("aaa-stranger")  # before ours in every order of names


@pytest.fixture
def strangers(stranger, install):
    install("zzz-stranger")


def write_run(folder):
    """What a run leaves, as far as it makes the folder a run's."""
    folder.mkdir()
    (folder / "experiment.yaml").write_text("composer_experiment: 1\n")
    header = json.dumps({"__metadata__": {"composer.format": "2"}}).encode()
    file = folder / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    return file


@pytest.mark.parametrize("removed", ["", "experiment.yaml"])
def test_the_folder_of_a_run_stays_one(stranger, tmp_path, removed):
    file = write_run(tmp_path / "run")
    if removed:
        (file.parent / removed).unlink()
    assert find_model_source(file.parent) == ("checkpoint", str(file))


def test_a_folder_that_names_its_last_checkpoint_stays_one(stranger, tmp_path):
    (tmp_path / "last_checkpoint").write_text("model.pth")
    assert find_model_source(tmp_path) == ("checkpoint", str(tmp_path))


def test_a_folder_of_transformers_stays_one(stranger, tmp_path):
    config = {"model_type": "yolos", "architectures": ["YolosForObjectDetection"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = read_model_folder("name", files_of(tmp_path))
    assert found.spec["extends"] == "detection-composer/transformers/yolos"


def test_another_folder_is_the_strangers(stranger, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(bytes(8))
    assert find_model_source(tmp_path) == ("folder", str(tmp_path))


def test_what_two_others_read_names_both(strangers, tmp_path):
    with pytest.raises(PluginError, match=r"of aaa-stranger 1\.0 and .* of zzz-stranger 1\.0"):
        read_model_folder("name", files_of(tmp_path))
    with pytest.raises(InputError, match=r"no\w* that of a run .* aaa-stranger 1\.0 and"):
        find_model_source(tmp_path)


def test_a_reader_that_fails_hides_no_other(install, tmp_path):
    install("aaa-stranger", module="raise RuntimeError('broken')")
    install("zzz-stranger")
    assert read_model_folder("name", files_of(tmp_path)).spec == {"composer": 1, "nodes": {}}


def test_a_reader_that_fails_spoils_no_run(install, tmp_path):
    install("aaa-stranger", module="raise RuntimeError('broken')")
    file = write_run(tmp_path / "run")
    assert find_model_source(file.parent) == ("checkpoint", str(file))
    (file.parent / "experiment.yaml").unlink()
    file.write_bytes(bytes(8))
    assert find_model_source(file.parent) == ("checkpoint", str(file))
    file.unlink()
    with pytest.raises(InputError, match=r"not that of a run .* fails to import: RuntimeError"):
        find_model_source(file.parent)


def test_addresses_keep_their_meaning(strangers):
    ours = resolve_address(f"detectron2://{MODEL}/137849600/model_final_f10217.pkl").text
    assert ours.startswith("https://dl.fbaipublicfiles.com/detectron2/")
    assert resolve_address("s3://bucket/model.pth").text == "s3://bucket/model.pth"
    with pytest.raises(DownloadError, match="on this machine"):
        resolve_address("file:///model.pth")


def test_a_scheme_is_the_only_strangers_or_an_error_that_names_both(stranger, install):
    assert resolve_address("shelter://pets").text == "https://stranger.invalid/weights.pth"
    install("zzz-stranger")
    with pytest.raises(PluginError, match=r"'shelter://' are published by aaa.* and zzz-strange"):
        resolve_address("shelter://pets")


@pytest.mark.parametrize("name", [f"detectron2/{MODEL}", MODEL, "mask_rcnn_R_50_FPN_3x"])
def test_models_of_ours_keep_their_names(strangers, caplog, name):
    assert find_entry(name).distribution == "detection-composer"
    is_full = name.startswith("detectron2/")
    assert (
        [record.getMessage() for record in caplog.records] == []
        if is_full
        else [
            f"note: the published model '{name}' means detectron2/{MODEL}; it is an end of one of "
            "aaa-stranger and zzz-stranger, too"
        ]
    )


def test_qualified_names_mean_the_strangers(stranger, install):
    assert find_entry("shelter/Pets/small").name == "shelter/Pets/small"
    theirs = find_entry(f"aaa-stranger/detectron2/{MODEL}")
    assert (theirs.name, theirs.distribution) == (theirs.qualified, "aaa-stranger")
    install("zzz-stranger")
    with pytest.raises(NameResolutionError, match=r"aaa-stranger/shelter/.*, zzz-stranger/shelter"):
        find_entry("shelter/Pets/small")
    for owner in ("aaa-stranger", "zzz-stranger"):
        assert find_entry(f"{owner}/shelter/Pets/small").distribution == owner
    names = [entry.name for entry in list_entries()]
    assert len(names) == len(set(names))
    assert [each.name for each in list_catalogues()][:2] == ["detectron2", "torchvision"]


def test_default_weights_of_our_specs_are_ours(stranger, install):
    assert find_default("mask_rcnn_r50_fpn").name == f"detectron2/{MODEL}"
    assert find_default("rpn_r50_c4").distribution == "detection-composer"


def test_default_weights_of_two_others_name_both(strangers, monkeypatch):
    others = [each for each in list_entries() if each.distribution != "detection-composer"]
    monkeypatch.setattr("composer.catalogues.finding.list_entries", lambda: others)
    with pytest.raises(NameResolutionError, match=r"several .* aaa-stranger/.*zzz-stranger/"):
        find_default("mask_rcnn_r50_fpn")


def test_a_file_in_the_cache_stays_the_model_that_it_was(install, monkeypatch):
    address = find_entry(f"detectron2/{MODEL}").weights
    base, _, file = address.rpartition("/")
    copied = MODULE.replace("https://stranger.invalid/", f"{base}/").replace("w.pth", file)
    install("zzz-stranger", ENTRY_POINTS.replace("shelter", "zzz"), copied)

    class Cached:
        path = "model.pkl"
        record = type("Record", (), {"address": address})

    monkeypatch.setattr("composer.pretrained.candidates.list_cached", lambda: [Cached])
    assert [each.origin for each in find_downloads()] == [
        f"the cache of downloads: detectron2/{MODEL}"
    ]


def test_files_stay_what_they_are(strangers, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text("composer: 1\nname: small\nnodes: {}\n")
    assert main(["describe", "small.yaml"]) == 0
    assert "small" in capsys.readouterr().out
    assert type(load_exporter("safetensors")).__module__ == "composer_exporters.weights_exporter"
    with pytest.raises(PluginError, match=r"end in \.pets are published by aaa.* and zzz"):
        load_exporter("pets")


def test_engines_keep_their_names(stranger, caplog):
    pytest.importorskip("onnxruntime", reason="the extra 'onnxruntime' is not installed")
    assert find_engine("onnxruntime").label.startswith("composer-engines (detection-composer")
    assert [record.getMessage() for record in caplog.records] == [
        "note: the engine 'onnxruntime' is published by aaa-stranger 1.0, too; it means "
        "'detection-composer/onnxruntime', which can be written to say so"
    ]
    assert find_engine("onnxruntime").name == "onnxruntime"
    # A compiled file of ours is none of an engine of the same name and version.
    assert find_engine("aaa-stranger/onnxruntime").name == "aaa-stranger/onnxruntime"
    with pytest.raises(MissingPluginError, match="'nobodys-plugin' is not installed, so there"):
        find_engine("nobodys-plugin/onnxruntime")
    theirs = split_variant("people@aaa-stranger/onnxruntime:int8")
    assert (theirs.engine, theirs.precision) == ("aaa-stranger/onnxruntime", "int8")
    assert split_variant("folder@old/model.yaml").model == "folder@old/model.yaml"


def test_names_that_can_never_be_used_are_listed_of_all_groups(install):
    lines = "\n".join(
        f"[composer.{group}]\nmy/name = {{0}}:Engine" for group in ("engines", "catalogues")
    )
    install("odd-plugin", lines)
    faults = list_all_faults()
    assert ["engine 'my/name'" in fault for fault in faults] == [True, False]
    assert "catalogue 'my/name'" in faults[1]


def test_a_package_is_of_its_own_distribution(plugin_folder):
    plugin_folder.install("aaa-stranger", "[composer.nodes]\nx = other_plugin:thing\n")
    plugin_folder.install(
        "other-plugin", "[composer.nodes]\ny = other_plugin.part:thing\n", {"unused": ""}
    )
    package = plugin_folder.path / "other_plugin"
    package.mkdir()
    (package / "__init__.py").touch()
    assert find_owners()["other_plugin"] == "other-plugin"
    assert Homes.installed().find(str(package / "spec.yaml")) == "other-plugin"


LEAVING = """
print("a banner")

def leave(*given):
    raise SystemExit(3)

class Mapping:
    name = "leaving"
    matches_by_suffix = False
    recognises = rename = leave
"""
ASKED = """\
[composer.formats]
leaving = {0}:leave
[composer.model_folders]
leaving = {0}:leave
[composer.catalogues]
leaving = {0}:leave
[composer.addresses]
leaving = {0}:leave
[composer.checkpoints]
leaving = {0}:Mapping
"""


def test_plugins_that_are_asked_end_no_process(install, tmp_path, caplog, capsys):
    install("leaving-plugin", ASKED, LEAVING)
    assert "leaving" not in [each.name for each in list_catalogues()]
    assert "fails: SystemExit: 3" in caplog.text
    with pytest.raises(PluginError, match=r"cannot be read as 'leaving' .* SystemExit: 3"):
        read_model_folder("name", files_of(tmp_path))
    with pytest.raises(PluginError, match=r"leaving-plugin 1\.0\) failed on .*SystemExit: 3"):
        resolve_address("leaving://model.pth")
    assert any("SystemExit: 3" in note for note in recognise_keys(["a.weight"]).notes)
    write_shape_dataset(tmp_path / "shapes", num_images=1, size=32)
    assert recognise(tmp_path / "shapes").reader == "coco"
    printed = capsys.readouterr()
    assert printed.out == ""  # which may be one JSON document
    assert printed.err.count("a banner") == 1


GREEDY = """
class Mapping:
    name = "torchvision"
    matches_by_suffix = False

    def recognises(self, keys):
        return True

    def rename(self, tensors):
        raise RuntimeError("renamed")
"""
SMALL = {"depth": 18, "stem_out_channels": 8, "res2_out_channels": 8, "fpn_channels": 8}


def test_a_checkpoint_is_described_without_the_names_of_others(install, tmp_path):
    install("aaa-stranger", "[composer.checkpoints]\ntorchvision = {0}:Mapping\n", GREEDY)
    Graph.from_spec("detection-composer/rpn_r50_fpn", **SMALL).save(tmp_path / "own.pth")
    assert describe_checkpoint(tmp_path / "own.pth").format == "torch"
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "bare.pth")
    found = describe_checkpoint(tmp_path / "bare.pth")
    assert found.format == "torchvision of aaa-stranger torch"


def test_published_weights_are_written_with_their_distribution(tmp_path):
    write_experiment(tmp_path, EXPERIMENT + f"weights: {{backbone: {MODEL}, other: x.pth}}\n")
    written = load_experiment(tmp_path / "experiment.yaml").as_document()["weights"]
    full = f"detection-composer/detectron2/{MODEL}"
    assert written["backbone"] == full
    assert qualify_weights(MODEL) == qualify_weights(full) == full
    assert find_entry(full).name == f"detectron2/{MODEL}"
    assert name_weights({"": MODEL}) == full
    assert qualify_weights("people") == "detection-composer/people"
    for other in ("default", "https://host/model.pth", "model.pth", str(tmp_path)):
        assert qualify_weights(other) == other


MISSING = "nobodys-plugin/shelter/Pets/small"


def test_a_published_model_of_a_missing_plugin_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingPluginError, match="'nobodys-plugin' is not installed, so there is"):
        require_entry(MISSING)
    with pytest.raises(NameResolutionError, match="'nobodys-plugin' is not installed"):
        find_model_source(MISSING)
    with pytest.raises(CheckpointError, match="of 'nobodys-plugin' need that distribution, which"):
        locate_checkpoint(MISSING)
    for other in ("runs/a/b/model.pth", "COCO-Detection/a/b", "pets/small", "/a/b/c", "a//b"):
        assert find_missing_owner(other) is None
    (tmp_path / "nobodys-plugin").mkdir()
    assert find_missing_owner(MISSING) is None
