"""Specs that plugins publish: found by name, qualified where names clash, and never imported."""

import sys

import pytest

from composer.cli.main import main
from composer.discovery import published_specs
from composer.errors import NameResolutionError
from composer.language import load_spec
from composer.model_source import find_model_source
from spec_folder import marked

SPEC = "composer: 1\ndoc: Something of a plugin.\ninputs: {x: any}\nnodes: {%s}\noutputs: {y: a}\n"
NODE = "a: {uses: shift, inputs: {x: x}}"


@pytest.fixture
def publish(plugin_folder):
    """Installs a plugin whose package would fail to be imported, with specs in a folder of it."""

    def install(name, files, target="%s.specs"):
        package = name.replace("-", "_")
        for file, text in files.items():
            path = plugin_folder.path / package / "specs" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (plugin_folder.path / package / "__init__.py").write_text("1 / 0")
        plugin_folder.install(name, f"[composer.specs]\nspecs = {target % package}\n")

    return install


@pytest.fixture(autouse=True)
def _elsewhere(spec_folder):
    """Every test runs in a folder of its own."""


@pytest.mark.parametrize("target", ["%s.specs", "%s:specs"])
def test_a_published_spec_is_found_by_its_name(publish, target):
    publish("some-plugin", {"detector.yaml": SPEC % NODE, "old/one.yaml": SPEC % NODE}, target)
    assert load_spec("detector").doc == "Something of a plugin."
    assert load_spec("old/one").doc == load_spec("detector.yaml").doc
    assert "some_plugin" not in sys.modules


@pytest.mark.parametrize("qualifier", ["some-plugin", "some_plugin", "Some.Plugin"])
def test_a_name_may_be_qualified_by_its_plugin(publish, qualifier):
    publish("some-plugin", {"detector.yaml": SPEC % NODE})
    assert "a" in load_spec(f"{qualifier}/detector").graph.nodes


def test_published_specs_are_extended_and_nested(publish, spec_folder):
    publish("some-plugin", {"detector.yaml": SPEC % NODE, "blocks/inner.yaml": SPEC % NODE})
    extended = spec_folder.check("composer: 1\nextends: detector\n").spec
    nested = spec_folder.check(
        "composer: 1\ninputs: {x: any}\nnodes: {n: {spec: blocks/inner.yaml, inputs: {x: x}}}\n"
    ).spec
    assert list(extended.graph.nodes) == ["a"]
    assert list(nested.graph.nodes["n"].graph.nodes) == ["a"]


def test_models_are_listed_after_those_that_ship_and_blocks_are_not(publish):
    publish("some-plugin", {"detector.yaml": SPEC % NODE, "blocks/inner.yaml": SPEC % NODE})
    listed = published_specs()
    assert list(listed)[-1] == "detector"
    assert [name for name, spec in listed.items() if not spec.is_shipped] == ["detector"]
    assert listed["detector"].publication.label == "some-plugin (some-plugin 1.0)"


def test_a_name_that_two_publish_is_an_error_where_it_is_used(publish, spec_folder):
    publish("one-plugin", {"detector.yaml": SPEC % NODE, "own.yaml": SPEC % NODE})
    publish("other-plugin", {"detector.yaml": SPEC % "b: {uses: scale, inputs: {x: x}}"})
    problem = spec_folder.problem("composer: 1\nextends: detector\n")
    assert problem.message == (
        "spec 'detector' is published by one-plugin (one-plugin 1.0) and "
        "other-plugin (other-plugin 1.0); write 'one-plugin/detector' or 'other-plugin/detector'"
    )
    assert marked(problem) == "detector"
    assert list(load_spec("other-plugin/detector").graph.nodes) == ["b"]
    assert list(load_spec("own").graph.nodes) == ["a"]
    foreign = [name for name, spec in published_specs().items() if not spec.is_shipped]
    assert foreign == ["one-plugin/detector", "own", "other-plugin/detector"]


def test_a_spec_that_ships_is_meant_with_a_note_where_a_plugin_publishes_its_name(
    publish, spec_folder, caplog
):
    publish("some-plugin", {"mask_rcnn_r50_fpn.yaml": SPEC % NODE})
    spec = spec_folder.check("composer: 1\nextends: mask_rcnn_r50_fpn\n").spec
    assert "backbone" in spec.graph.nodes
    assert caplog.messages == [
        "note: spec.yaml:2:10: the spec 'mask_rcnn_r50_fpn' is published by some-plugin 1.0, too; "
        "it means 'detection-composer/mask_rcnn_r50_fpn', which can be written to say so"
    ]
    assert "backbone" in load_spec("composer/mask_rcnn_r50_fpn").graph.nodes
    assert "backbone" in load_spec("detection-composer/mask_rcnn_r50_fpn").graph.nodes
    assert list(load_spec("some-plugin/mask_rcnn_r50_fpn").graph.nodes) == ["a"]


def test_specs_of_a_plugin_see_its_own_names_first(publish):
    block = "n: {spec: blocks/inner.yaml, inputs: {x: x}}"
    files = {
        "sub/detector.yaml": (SPEC % block).replace("y: a", "y: n"),
        "blocks/inner.yaml": SPEC % NODE,
    }
    publish("one-plugin", files)
    publish("other-plugin", {"blocks/inner.yaml": SPEC % "b: {uses: scale, inputs: {x: x}}"})
    assert list(load_spec("sub/detector").graph.nodes["n"].graph.nodes) == ["a"]
    assert "roi_heads" in load_spec("mask_rcnn_r50_fpn").graph.nodes


def test_a_file_beside_the_spec_comes_before_published_names(publish, spec_folder):
    publish("some-plugin", {"detector.yaml": SPEC % NODE})
    spec_folder.write("detector.yaml", SPEC % f"{NODE}, b: {{uses: scale, inputs: {{x: x}}}}")
    nodes = spec_folder.check("composer: 1\nextends: detector\n").spec.graph.nodes
    assert list(nodes) == ["a", "b"]


def test_the_closest_published_name_is_suggested(publish, spec_folder):
    publish("some-plugin", {"embedder.yaml": SPEC % NODE})
    assert spec_folder.problem("composer: 1\nextends: embeder\n").hint == "Did you mean 'embedder'?"


def test_names_lead_into_folders_of_specs_only(publish, spec_folder):
    publish("some-plugin", {"detector.yaml": SPEC % NODE})
    problem = spec_folder.problem("composer: 1\nextends: some-plugin/../specs/detector\n")
    assert problem.message == "there is no spec 'some-plugin/../specs/detector'"


def test_the_missing_distribution_of_a_spec_is_named(spec_folder):
    problem = spec_folder.problem("composer: 1\nextends: acme-vision/mask_rcnn_r50_fpn\n")
    assert problem.message == (
        "the distribution 'acme-vision' is not installed, so there is no spec "
        "'acme-vision/mask_rcnn_r50_fpn'"
    )
    assert not problem.hint
    with pytest.raises(NameResolutionError, match="distribution 'acme-vision' is not installed"):
        find_model_source("acme-vision/mask_rcnn_r50_fpn")


@pytest.mark.parametrize(
    "name", ["torchvison/fcos_resnet50_fpn", "COCO-Detecton/faster_rcnn", "detection-composer/mask"]
)
def test_a_misspelt_beginning_of_a_name_is_no_distribution(name):
    with pytest.raises(NameResolutionError, match="there is no model"):
        find_model_source(name)


@pytest.mark.parametrize("target", ["not_installed.specs", "json.specs", "composer.nothing"])
def test_a_folder_that_is_not_there_disturbs_nobody(plugin_folder, capsys, target):
    plugin_folder.install("lost-plugin", f"[composer.specs]\nspecs = {target}\n")
    assert "backbone" in load_spec("mask_rcnn_r50_fpn").graph.nodes
    assert main(["specs"]) == 0
    result = capsys.readouterr()
    assert "mask_rcnn_r50_fpn" in result.out
    assert f"there is no folder '{target}'" in result.err


def test_the_command_line_lists_them_with_their_plugin_and_breaks_at_none(
    publish, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    publish("some-plugin", {"detector.yaml": SPEC % NODE, "torn.yaml": "a: [", "bare.yaml": "a: 1"})
    assert main(["specs"]) == 0
    result = capsys.readouterr()
    assert result.err == ""
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.out.splitlines()[-3:]}
    owner = "[some-plugin (some-plugin 1.0)]"
    assert lines["detector"] == f"Something of a plugin. {owner}"
    assert lines["torn"] == f"(cannot be read: `composer check` says why) {owner}"
    assert lines["bare"] == owner


def test_a_narrow_terminal_breaks_no_name_of_a_plugin(publish, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    publish("some-quite-long-plugin", {"detector.yaml": SPEC % NODE})
    assert main(["specs"]) == 0
    assert "[some-quite-long-plugin" in capsys.readouterr().out.split()
