"""Names of entry points that can never be used are listed as such, and refused where used."""

import pytest

from composer.cli.main import main
from composer.discovery import list_unknown_groups
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


@pytest.mark.parametrize("qualifier", ["odd", "odd-plugin"])
def test_a_name_with_a_slash_is_named_when_it_is_qualified(plugin_folder, qualifier):
    install(plugin_folder, "my/head = odd:head")
    with pytest.raises(PluginError, match=r"of odd \(odd-plugin 1\.0\) cannot be used"):
        Registry.installed().find(f"{qualifier}/my/head")


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


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_entry_points_in_another_encoding_are_reported_and_hide_no_others(
    plugin_folder, list_nodes, encoding
):
    install(plugin_folder, "head = odd:head")
    plugin_folder.install("strange-plugin", "")
    entries = "[composer.nodes]\nt\u00eate = odd:head\n".encode(encoding)
    next(plugin_folder.path.glob("strange*/entry_points.txt")).write_bytes(entries)
    result = list_nodes()
    assert "strange-plugin 1.0: its entry points cannot be read: 'utf-8'" in result.err
    assert "odd-plugin 1.0" in result.out


@pytest.mark.parametrize("metadata", [b"", b"Version: 2\n", b"Name: \xff\n", None])
def test_damaged_metadata_beside_damaged_entry_points_hides_no_others(
    plugin_folder, list_nodes, metadata
):
    install(plugin_folder, "head = odd:head")
    plugin_folder.install("strange-plugin", "[composer.nodes]\nno section? = (\nlost")
    file = next(plugin_folder.path.glob("strange*/METADATA"))
    file.unlink() if metadata is None else file.write_bytes(metadata)
    result = list_nodes()
    assert "odd-plugin 1.0" in result.out
    assert "warning: " in result.err


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("head = 3", "a node type is a subclass of torch.nn.Module or a function"),
        ("async def head(x: Tensor) -> Tensor:\n    return x", "no coroutine and no generator"),
        ("def head(x: Tensor) -> Tensor:\n    yield x", "no coroutine and no generator"),
    ],
)
def test_what_cannot_be_a_node_type_is_described_with_its_plugin(
    plugin_folder, capsys, head, message
):
    module = f"from torch import Tensor\n{head}\n"
    plugin_folder.install("poor-plugin", "[composer.nodes]\nhead = poor:head\n", {"poor": module})
    assert main(["nodes", "head"]) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "node type 'head' of poor (poor-plugin 1.0): " in error
    assert message in error
    (failure,) = make_schema().failures
    assert failure.startswith("node type 'head' of poor (poor-plugin 1.0): ")


SILENT = """
    from torch import Tensor, nn

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            raise SystemExit(3)

        def forward(self, x: Tensor) -> Tensor:
            return x
    """


def test_a_node_type_that_leaves_the_interpreter_is_a_problem(
    plugin_folder, tmp_path, monkeypatch, capsys
):
    plugin_folder.install("exits", "[composer.nodes]\nhead = exits:Head\n", {"exits": SILENT})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(
        "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: head, inputs: {x: x}}}\n"
    )
    assert main(["check", "a.yaml"]) == 1
    assert "SystemExit: 3" in capsys.readouterr().out
    assert main(["nodes", "head"]) == 0
    assert "It has no docstring" in capsys.readouterr().out


def test_a_misspelt_group_is_told_with_the_one_that_is_meant(plugin_folder, capsys, tmp_path):
    entries = "[composer.node]\nhead = odd:head\n[composer.nodes]\nother = odd:other\n"
    plugin_folder.install("odd-plugin", entries, {"odd": MODULE})
    (message,) = list_unknown_groups()
    assert message.startswith(
        "odd-plugin 1.0: nothing of its entry points 'composer.node' is found"
    )
    assert "Did you mean 'composer.nodes'?" in message
    spec = tmp_path / "s.yaml"
    spec.write_text("composer: 1\ninputs: {x: any}\nnodes: {a: {uses: head, inputs: {x: x}}}\n")
    for command in (["nodes"], ["check", str(spec)]):
        main(command)
        assert "entry points 'composer.node'" in " ".join(capsys.readouterr().err.split())


def test_our_own_groups_are_known():
    assert list_unknown_groups() == []


def test_a_spec_with_problems_names_what_cannot_be_used(plugin_folder, capsys, tmp_path):
    install(plugin_folder, "my/head = odd:head")
    spec = tmp_path / "s.yaml"
    spec.write_text("composer: 1\ninputs: {x: any}\nnodes: {a: {uses: hed, inputs: {x: x}}}\n")
    assert main(["check", str(spec)]) == 1
    assert "node type 'my/head' of odd (odd-plugin 1.0) cannot be used" in capsys.readouterr().err
