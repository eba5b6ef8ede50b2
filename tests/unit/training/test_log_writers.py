"""What is recorded of several iterations at a time, and what is left of it."""

import json
import math

import pytest

from composer.events import EventStorage
from composer.training.log_writers import JsonLines, Means, trim_lines


def test_records_hold_means_and_the_last_value_of_what_wants_no_smoothing():
    means = Means()
    with EventStorage() as storage:
        for value in (1.0, 3.0):
            storage.put_scalar("loss", value)
            storage.put_scalar("lr", value, smoothing_hint=False)
            means.add(storage)
            storage.step()
    assert means.take() == {"loss": 2.0, "lr": 3.0}
    assert means.take() == {}


def test_a_record_that_lacks_only_the_end_of_its_line_is_kept_whole(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"iteration": 1}\n{"iteration": 2}')
    trim_lines(file, 2, 2)
    lines = JsonLines(file)
    lines.write(3, {})
    lines.close()
    written = [json.loads(line)["iteration"] for line in file.read_text().splitlines()]
    assert written == [1, 2, 3]


def test_lines_have_null_for_what_is_infinite_or_not_a_number(tmp_path):
    lines = JsonLines(tmp_path / "a.jsonl")
    lines.write(3, {"grad_norm": math.inf, "loss": math.nan, "lr": 0.5})
    lines.close()
    written = json.loads((tmp_path / "a.jsonl").read_text(), parse_constant=pytest.fail)
    assert written == {"iteration": 3, "grad_norm": None, "loss": None, "lr": 0.5}
