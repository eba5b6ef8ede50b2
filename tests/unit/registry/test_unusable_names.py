"""Names of entry points that can never be used are listed as such, and refused where used."""

import pytest

from composer.cli.main import main
from composer.errors import PluginError
from composer.registry import NODE_GROUP, Registry, list_faults
from composer.schema import make_schema

MODULE = """
    from torch import Tensor

    def head(x: Tensor) -> Tensor:
        return x

    def other(x: Tensor) -> Tensor:
        return x
    """


def install(folder, lines):
    folder.install("odd-plugin", f"[composer.nodes]\n{lines}\n", {"odd": MODULE})


@pytest.fixture
def list_nodes(capsys, monkeypatch):
    """Runs `composer nodes` in a wide terminal."""
    monkeypatch.setenv("COLUMNS", "300")

    def run():
        assert main(["nodes"]) == 0
        return capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "name", ["my/head", "my head", "3d", "-head", "null", "true", "a:b", "ä\u200bb"]
)
def test_a_name_that_can_never_be_used_is_reported(plugin_folder, list_nodes, name):
    install(plugin_folder, f"{name} = odd:head")
    faults = list(list_faults(NODE_GROUP))
    assert len(faults) == 1
    assert "odd (odd-plugin 1.0)" in faults[0]
    assert "letters, digits" in faults[0] or "cannot be read" in faults[0]
    result = list_nodes()
    assert "odd-plugin 1.0" in result.out + result.err
    assert "warning: node type" in result.err
    assert any("odd-plugin 1.0" in failure for failure in make_schema().failures)
    assert name not in Registry.installed().names()
    with pytest.raises(PluginError, match="cannot be used"):
        Registry.installed().find(name)


@pytest.mark.parametrize("name", ["head", "Head", "my.head", "my-head", "_head2", "tête"])
def test_other_names_can_be_used(plugin_folder, name):
    install(plugin_folder, f"{name} = odd:head")
    assert list(list_faults(NODE_GROUP)) == []
    assert Registry.installed().find(name).qualified == f"odd-plugin/{name}"


def test_one_name_twice_in_a_distribution_is_its_authors_mistake(plugin_folder, list_nodes):
    install(plugin_folder, "head = odd:head\nhead = odd:other")
    message = "published several times by odd-plugin 1.0: as odd:head and odd:other"
    assert message in " ".join(list_faults(NODE_GROUP))
    with pytest.raises(PluginError, match=message):
        Registry.installed().find("head")
    with pytest.raises(PluginError, match=message):
        Registry.installed().find("odd-plugin/head")
    result = list_nodes()
    assert "cannot be used" in result.out
    assert message in " ".join(result.err.split())


def test_our_name_twice_in_another_distribution_stays_ours(plugin_folder):
    install(plugin_folder, "mask_head = odd:head\nmask_head = odd:other")
    assert Registry.installed().find("mask_head").qualified == "detection-composer/mask_head"


@pytest.mark.parametrize("line", ["head", "head = not a target!", "head = odd:"])
def test_entry_points_that_cannot_be_read_are_reported(plugin_folder, list_nodes, line):
    install(plugin_folder, line)
    assert "odd-plugin 1.0" in list_nodes().err


def test_a_module_is_no_node_type(plugin_folder, list_nodes):
    install(plugin_folder, "head = odd")
    assert "'odd' is a module" in " ".join(list_nodes().err.split())


def test_a_distribution_named_like_our_packages_takes_no_qualifier(plugin_folder):
    plugin_folder.install(
        "composer-rcnn", "[composer.nodes]\nmask_head = odd:head\n", {"odd": MODULE}
    )
    registry = Registry.installed()
    assert registry.find("composer-rcnn/mask_head").qualified == "detection-composer/mask_head"
    assert registry.find("mask_head", "composer-rcnn").qualified == "composer-rcnn/mask_head"


def test_a_package_named_like_our_distribution_takes_no_qualifier(plugin_folder):
    entries = (
        "[composer.nodes]\nmask_head = detection_composer:head\nblurred = detection_composer:head\n"
    )
    plugin_folder.install("sneaky", entries, {"detection_composer": MODULE})
    registry = Registry.installed()
    assert (
        registry.find("detection-composer/mask_head").publication.module
        == "composer_rcnn.mask_head"
    )
