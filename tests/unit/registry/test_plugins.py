"""Plugins: what is listed, what a name means, and what a broken plugin does to others."""

import sys

import pytest

from composer.construction import check_source
from composer.discovery import forget_entry_points
from composer.errors import NameResolutionError, PluginError, SpecError
from composer.language import load_spec
from composer.registry import NODE_GROUP, Registry
from composer.registry import registry as registry_module
from spec_folder import marked

GOOD = """
    from torch import Tensor

    def blur(x: Tensor) -> Tensor:
        return x
    """


def spec(uses):
    return {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"a": {"uses": uses, "inputs": {"x": "x"}}},
    }


def publish(folder, distribution="Somebodys_Plugin", module="somebody", name="blur"):
    entry_points = f"[composer.nodes]\n{name} = {module}:blur\n"
    folder.install(distribution, entry_points, {module: GOOD}, version="2.3")


def test_a_strangers_node_type_is_like_ours(plugin_folder):
    publish(plugin_folder)
    design = check_source(spec("blur")).nodes["a"]
    assert design.label == "'blur' of somebody (somebodys-plugin 2.3)"
    assert design.contract.target.__module__ == "somebody"


@pytest.mark.parametrize(
    "qualifier", ["somebody", "somebodys-plugin", "Somebodys_Plugin", "SOMEBODYS.PLUGIN"]
)
def test_a_name_may_be_qualified_by_plugin_or_distribution(plugin_folder, qualifier):
    publish(plugin_folder)
    assert "a" in check_source(spec(f"{qualifier}/blur")).nodes


@pytest.mark.parametrize("uses", ["blur", "somebody/blur", "Somebodys_Plugin/blur"])
def test_plans_and_listings_name_a_strangers_node_type_in_full(plugin_folder, uses):
    publish(plugin_folder)
    blueprint = check_source(spec(uses) | {"outputs": {"o": "a"}})
    assert blueprint.nodes["a"].type_name == "somebodys-plugin/blur"
    assert "somebodys-plugin/blur" in str(blueprint.plan("inference"))


@pytest.mark.parametrize(
    "uses", ["antigravity", "antigravity:fly", "antigravity.fly", "antigravity/fly", "antigravity/"]
)
def test_a_spec_names_no_module(spec_folder, uses):
    text = f"composer: 1\ninputs: {{x: any}}\nnodes: {{a: {{uses: '{uses}', inputs: {{x: x}}}}}}\n"
    assert marked(spec_folder.problem(text)) == f"'{uses}'"
    assert "antigravity" not in sys.modules


def test_listing_imports_no_plugin(plugin_folder):
    plugin_folder.install(
        "explosive", "[composer.nodes]\nblur = explosive:blur\n", {"explosive": "1 / 0"}
    )
    registry = Registry.installed(NODE_GROUP)
    assert "blur" in registry.names()
    assert registry.find("blur").publication.label == "explosive (explosive 1.0)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import surely_not_there", "ModuleNotFoundError: No module named 'surely_not_there'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Panic(BaseException): pass\nraise Panic('no')", "Panic: no"),
        (
            "class Odd(Exception):\n    def __str__(self): raise ValueError\n"
            "def __getattr__(name): raise Odd\n",
            "Odd",
        ),
        ("int.nothing", "AttributeError: type object 'int' has no attribute 'nothing'"),
    ],
)
def test_a_plugin_that_fails_to_import_is_an_error_where_it_is_used(
    plugin_folder, spec_folder, text, reason
):
    plugin_folder.install(
        "broken", "[composer.nodes]\nblur = broken_plugin:blur\n", {"broken_plugin": text}
    )
    assert check_source(spec("postprocess") | {"nodes": {}}) is not None
    problem = spec_folder.problem(
        "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: blur, inputs: {x: x}}}\n"
    )
    place = plugin_folder.path / "broken_plugin.py"
    line = len(text.splitlines())
    assert problem.message == (
        f"'blur' of broken-plugin (broken 1.0) fails to import: {reason} ({place}:{line})"
    )
    assert marked(problem) == "blur"


WAITING = """
    import threading

    from composer.registry import Registry

    print("a banner")
    found = []
    importing = threading.Thread(
        target=lambda: found.append(Registry.installed().load("blur")), daemon=True
    )
    importing.start()
    importing.join(30)
    sharpen = found[0]
    print("the end")
    """


def test_a_plugin_may_wait_for_a_thread_that_imports_another(plugin_folder, capsys):
    publish(plugin_folder)
    entry_points = "[composer.nodes]\nsharpen = waiting:sharpen\n"
    plugin_folder.install("waiting-plugin", entry_points, {"waiting": WAITING})
    assert Registry.installed().load("sharpen").__module__ == "somebody"
    print("results")
    printed = capsys.readouterr()
    assert printed.out == "results\n"
    assert printed.err == "a banner\nthe end\n"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("somebody:no_such", "is not there: module 'somebody' has no attribute 'no_such'"),
        ("somebody", "is a module: an entry point names 'module:object'"),
    ],
)
def test_an_entry_point_that_names_no_object_is_an_error_where_it_is_used(
    plugin_folder, target, message
):
    plugin_folder.install("mine", f"[composer.nodes]\nblur = {target}\n", {"somebody": GOOD})
    with pytest.raises(PluginError, match=message):
        Registry.installed().load("blur")


def test_an_object_that_cannot_be_a_node_type_is_named_with_its_plugin(plugin_folder, spec_folder):
    plugin_folder.install("mine", "[composer.nodes]\nblur = mine:blur\n", {"mine": "blur = 3\n"})
    problem = spec_folder.problem("composer: 1\nnodes: {a: {uses: blur}}\n")
    assert problem.message == (
        "node type 'blur' of mine (mine 1.0): "
        "a node type is a subclass of torch.nn.Module or a function"
    )


def test_two_plugins_with_one_name_are_an_error_where_it_is_used(plugin_folder, spec_folder):
    publish(plugin_folder, "first-plugin", "first")
    publish(plugin_folder, "second-plugin", "second")
    publish(plugin_folder, "third-plugin", "third", name="sharpen")
    assert "a" in check_source(spec("sharpen")).nodes
    assert "a" in check_source(spec("second-plugin/blur")).nodes
    problem = spec_folder.problem(
        "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: blur, inputs: {x: x}}}\n"
    )
    assert problem.message == (
        "node type 'blur' is published by first (first-plugin 2.3) and second (second-plugin 2.3); "
        "write 'first-plugin/blur' or 'second-plugin/blur'"
    )


def test_one_package_in_two_distributions_is_told_apart_by_distribution(plugin_folder):
    for name in ("first-plugin", "second-plugin"):
        plugin_folder.install(name, "[composer.nodes]\nblur = somebody:blur\n", {"somebody": GOOD})
    with pytest.raises(PluginError, match="write 'first-plugin/blur' or 'second-plugin/blur'"):
        Registry.installed().load("blur")


def test_a_name_of_ours_that_a_stranger_publishes_too_is_ours_with_a_note(plugin_folder):
    publish(plugin_folder, name="mask_head")
    found = Registry.installed().find("mask_head")
    assert found.qualified == "detection-composer/mask_head"
    assert found.note == (
        "the node type 'mask_head' is published by somebodys-plugin 2.3, too; it means "
        "'detection-composer/mask_head', which can be written to say so"
    )


@pytest.mark.parametrize(
    "entry_points",
    ["no section\n", "[composer.nodes]\nblur\n", "[composer.nodes]\nblur = %(x)s\n", "[a]\n[a]\n"],
)
def test_entry_points_that_cannot_be_parsed_hide_no_others(plugin_folder, entry_points):
    plugin_folder.install("damaged", entry_points)
    publish(plugin_folder)
    names = Registry.installed().names()
    assert "mask_head" in names
    assert Registry.installed().find("somebody/blur") is not None


def test_a_distribution_twice_on_the_path_is_no_clash(plugin_folder, monkeypatch):
    publish(plugin_folder)
    monkeypatch.syspath_prepend(plugin_folder.path)
    assert Registry.installed().find("blur") is not None


def test_local_node_types_come_first_and_need_no_plugin(plugin_folder):
    publish(plugin_folder)

    def blur(x: int) -> int:
        return x

    assert Registry.installed(local={"blur": blur}).load("blur") is blur
    assert Registry.installed(local={"blur": blur}).load("somebody/blur") is not blur
    assert Registry.installed(local={"blur": blur}).label("blur") == "'blur'"


def test_an_unknown_name_gets_the_closest_one():
    registry = Registry(local={"mask_head": 1, "box_head": 2})
    with pytest.raises(NameResolutionError, match=r"'mask_hed'. Did you mean 'mask_head'\?"):
        registry.load("mask_hed")


def test_a_node_that_becomes_a_plugins_type_of_the_same_name_loses_its_configuration(
    plugin_folder,
):
    publish(plugin_folder, "clashing", "clashing", name="mask_head")
    folder = plugin_folder.path / "clashing_specs"
    folder.mkdir()
    node = "nodes: {roi_heads: {nodes: {mask_head: {uses: mask_head}}}}\n"
    folder.joinpath("own.yaml").write_text(
        f"composer: 1\nname: own\nextends: mask_rcnn_r50_fpn\n{node}"
    )
    entries = next(plugin_folder.path.glob("clashing*.dist-info/entry_points.txt"))
    entries.write_text(entries.read_text() + "[composer.specs]\nspecs = clashing_specs\n")
    forget_entry_points()
    assert configuration_of("own") == {}
    assert configuration_of("mask_rcnn_r50_fpn") != {}


def configuration_of(name):
    """The configuration of the mask head of a spec, as written."""
    heads = load_spec(name).graph.nodes["roi_heads"].graph.nodes
    return heads["mask_head"].config.plain() or {}


def test_of_thousands_of_unknown_names_the_first_are_searched_for_once(monkeypatch):
    searched = []
    monkeypatch.setattr(registry_module, "closest", lambda name, _: searched.append(name))
    nodes = {f"n{i}": {"uses": f"unknown_{i}", "inputs": {"x": "x"}} for i in range(1000)}
    with pytest.raises(SpecError) as caught:
        check_source({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes})
    assert len(caught.value.problems) == 1000
    assert sorted(searched) == sorted(set(searched))
    assert len(searched) <= 200
