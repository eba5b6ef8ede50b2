"""Results as metrics, text and files."""

import json
import math

import pytest

from composer.errors import InputError
from composer.evaluation import Results, TaskResults

BOX = TaskResults({"AP": 0.51234, "APs": math.nan}, {"cat": {"AP": 0.5, "APs": math.nan}})
RESULTS = Results({"bbox": BOX, "segm": TaskResults({"AP": 0.25, "APs": 0.1})}, 4)


def test_metrics_are_named_by_task():
    assert list(RESULTS.flat()) == ["bbox/AP", "bbox/APs", "segm/AP", "segm/APs"]
    assert RESULTS.flat()["segm/AP"] == 0.25


def test_tasks_with_the_same_metrics_share_a_table():
    assert str(RESULTS).splitlines() == [
        "task     AP    APs",
        "bbox  0.512    nan",
        "segm  0.250  0.100",
    ]
    other = Results.join([RESULTS, Results({"sem_seg": TaskResults({"mIoU": 1.0})}, 4)])
    assert str(other).count("task") == 2


def test_classes_have_a_table():
    assert RESULTS.class_table("bbox").splitlines() == ["class     AP  APs", "cat    0.500  nan"]
    with pytest.raises(InputError, match="no results of 'voc'; there are bbox, segm"):
        RESULTS.class_table("voc")


def test_file_is_strict_json_and_reads_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "results.json"
    RESULTS.save(path)

    def refuse(text):
        raise AssertionError(text)

    json.loads(path.read_text(), parse_constant=refuse)
    again = Results.read(path)
    assert str(again) == str(RESULTS)
    assert again.class_table("bbox") == RESULTS.class_table("bbox")
    assert again.num_images == 4


@pytest.mark.parametrize("text", ["", "[]", '{"tasks": 3}', "{}"])
def test_other_files_are_no_results(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not the results of an evaluation"):
        Results.read(path)
    with pytest.raises(InputError, match="cannot be read"):
        Results.read(tmp_path / "missing.json")


def test_results_of_another_version_are_refused(tmp_path):
    path = tmp_path / "results.json"
    RESULTS.save(path)
    path.write_text(path.read_text().replace('"composer_results": 1', '"composer_results": 2'))
    with pytest.raises(InputError, match="have version 2; the installed composer reads version 1"):
        Results.read(path)


def test_two_results_of_one_task_cannot_be_joined():
    with pytest.raises(InputError, match="two evaluators have results of the task 'bbox'"):
        Results.join([RESULTS, RESULTS])
