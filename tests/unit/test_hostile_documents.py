"""Each reader of a document of our own, given one that was damaged or made by somebody else."""

import contextlib
import json
import os

import pytest

from composer.checkpoint.saved_versions import read_texts
from composer.data.readers.via import _parse
from composer.downloads.download_cache import _read_record
from composer.downloads.partial_file import PartialFile
from composer.errors import CheckpointError, ComposerError, InputError
from composer.evaluation import Results
from composer.experiment.experiment_run import _read_unfrozen
from composer.exporting.description import KEY, parse_file_description
from composer.runs import RunFolder
from composer.runs.run_folder import _is_averaged
from composer.sharded_jobs.manifest import NAME, check_manifest
from composer.sharded_jobs.output_folder import OutputFolder
from composer.training.curves import read_curves
from composer.training.log_writers import trim_lines

DEEP, LONG = "[" * 100_000, "1" * 5000
DAMAGED = {"deep": DEEP, "long": LONG, "cut": "{", "list": "[1]", "none": "null", "number": "3"}
EACH = pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
NO_NUMBER = {"bbox": {"metrics": {"AP": "x"}, "per_class": {}}}


@EACH
def test_what_is_said_of_the_initial_weights_of_a_training(content, tmp_path):
    file = tmp_path / "initial_weights.json"
    file.write_text(content)
    with pytest.raises(CheckpointError, match=r"initial_weights\.json: .* it is damaged"):
        _read_unfrozen(file)


@EACH
def test_the_summary_of_a_run(content, tmp_path):
    (tmp_path / "summary.json").write_text(content)
    assert _is_averaged(RunFolder(tmp_path), [])


@EACH
def test_the_results_of_an_evaluation(content, tmp_path):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(InputError, match="not the results of an evaluation"):
        Results.read(tmp_path / "results.json")


@pytest.mark.parametrize("change", [{"num_images": "x"}, {"num_images": [1]}, {"tasks": NO_NUMBER}])
def test_results_with_other_values_than_numbers(change, tmp_path):
    document = {**Results({}, 1).to_json(), **change}
    (tmp_path / "results.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="not the results of an evaluation"):
        Results.read(tmp_path / "results.json")


@EACH
def test_the_manifest_of_a_job_in_shards(content, tmp_path):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(InputError, match=f"{NAME} is damaged"):
        check_manifest(OutputFolder(tmp_path), {"model": "a"})


def test_a_manifest_whose_parts_are_none(tmp_path):
    (tmp_path / NAME).write_text(json.dumps({"composer_job": 1, "model": "a", "parts": [1]}))
    with pytest.raises(InputError, match=f"{NAME} is damaged"):
        check_manifest(OutputFolder(tmp_path), {"model": "a"})


@EACH
def test_a_line_of_records_is_passed_over(content, tmp_path):
    file = tmp_path / "metrics.jsonl"
    good = json.dumps({"iteration": 1, "loss": 2.0})
    file.write_text(f'{content}\n{good}\n{{"iteration": Infinity, "loss": 1}}\n')
    assert read_curves(file)[0] == {"loss": ([1], [2.0])}
    trim_lines(file, 1, 0)
    assert file.read_text() == f"{good}\n"


@EACH
def test_the_record_of_a_download_and_of_its_part(content, tmp_path):
    (tmp_path / "record.json").write_text(content)
    assert _read_record(tmp_path / "record.json") is None
    part = PartialFile(tmp_path / "file")
    part.path.write_text("some")
    part._state.write_text(content)
    assert part.validator == ""


def test_a_pipe_in_place_of_a_record_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "record.json")
    assert _read_record(tmp_path / "record.json") is None


@EACH
def test_the_versions_in_a_checkpoint(content):
    assert read_texts({"key": content}, "key") == {}


@pytest.mark.parametrize("content", [*DAMAGED.values(), "HUGE"], ids=[*DAMAGED, "huge"])
def test_the_description_of_an_exported_file(content):
    if content == "HUGE":  # no float is as large
        parts = {"until": [], "feeds": [], "inputs": [], "outputs": [], "examples": []}
        content = json.dumps({"version": 1, **parts, "checked": {}, "tolerance": 10**400})
    with pytest.raises(CheckpointError, match="its description is damaged"):
        parse_file_description({KEY: content}, "file")


@EACH
def test_the_attributes_of_a_region_of_via(content):
    with contextlib.suppress(ComposerError):
        assert isinstance(_parse(content), dict)
