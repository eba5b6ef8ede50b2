"""`composer schema`."""

import json

import pytest


def test_schema_is_printed_or_written(cli, folder):
    printed = cli("schema")
    assert (printed.code, printed.err) == (0, "")
    assert cli("schema", "-o", "new/schema.json").out == ""
    assert json.loads(printed.out) == json.loads((folder / "new/schema.json").read_text())


BROKEN = {
    "left_out": ("raise OSError('no GPU')", "{} fails to import: OSError: no GPU ({}:1)"),
    "takes_all": (
        "from torch import Tensor\ndef takes_all(x: Tensor, **kwargs: int) -> Tensor: ...",
        "node type {}: takes_all takes **kwargs; a node type names every parameter",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_left_out_is_told_with_whose_it_is(cli, plugin_folder, name):
    module, reason = BROKEN[name]
    entries = f"[composer.nodes]\n{name} = broken:{name}\n"
    plugin_folder.install("their-heads", entries, {"broken": module})
    label = f"'{name}' of broken (their-heads 1.0)"
    told = reason.format(label, plugin_folder.path / "broken.py")
    made = cli("schema")
    assert made.code == 0
    assert made.err == f"left out: {told}\n"
    assert "their-heads.broken" not in made.out
    described = cli("nodes", name)
    assert described.code == 1
    assert told in described.err
