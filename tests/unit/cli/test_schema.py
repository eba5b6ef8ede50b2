"""`composer schema`."""

import json


def test_schema_is_printed_or_written(cli, folder):
    printed = cli("schema")
    assert (printed.code, printed.err) == (0, "")
    assert cli("schema", "-o", "new/schema.json").out == ""
    assert json.loads(printed.out) == json.loads((folder / "new/schema.json").read_text())
