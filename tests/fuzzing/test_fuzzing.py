"""Some hundred damaged files of each kind are refused with errors of ours, soon."""

import logging
import shutil

import pytest

from fuzzing.fuzz import read_cases
from fuzzing.targets import SPECS, make_targets

TARGETS = dict(make_targets())
SLOW = ("spec", "experiment", "data", "folder", "config", "lazy", "described", "onnx", "openvino")
FEW, MANY = 60, 150


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_refused_with_errors_of_ours(name, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    shutil.copytree(SPECS, tmp_path, dirs_exist_ok=True)
    target = TARGETS[name]
    count = FEW if name in SLOW or target.is_forgiving else MANY  # what is refused takes no time
    found = read_cases(target, 0, count, tmp_path, seconds=5)
    assert found.failures == []
    assert target.is_forgiving or found.refused > found.count / 4


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_damaged_was_sound(name, tmp_path):
    target = TARGETS[name]
    shutil.copytree(SPECS, tmp_path, dirs_exist_ok=True)
    for content in target.corpus:
        file = tmp_path / f"case{target.suffix}"
        file.write_bytes(content)
        target.read(file)


def test_a_case_is_the_same_every_time():
    target = TARGETS["spec"]
    assert [target.make_case(n) for n in range(20)] == [target.make_case(n) for n in range(20)]
    assert target.make_case(1) != target.make_case(2)
