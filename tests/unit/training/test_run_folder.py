"""The JSON that a training writes."""

import json
import math

import pytest

from composer.training.recording import JsonLines
from composer.training.run_folder import write_json


def parse(text):
    """Reads JSON as the standard has it, which knows no infinities."""
    return json.loads(text, parse_constant=pytest.fail)


def test_documents_have_null_for_what_is_infinite_or_not_a_number(tmp_path):
    write_json(tmp_path / "a.json", {"metrics": {"bbox/APs": math.nan}, "norms": [math.inf, 1.0]})
    written = parse((tmp_path / "a.json").read_text())
    assert written == {"metrics": {"bbox/APs": None}, "norms": [None, 1.0]}


def test_lines_have_null_for_what_is_infinite_or_not_a_number(tmp_path):
    lines = JsonLines(tmp_path / "a.jsonl")
    lines.write(3, {"grad_norm": math.inf, "loss": math.nan, "lr": 0.5})
    lines.close()
    written = parse((tmp_path / "a.jsonl").read_text())
    assert written == {"iteration": 3, "grad_norm": None, "loss": None, "lr": 0.5}
