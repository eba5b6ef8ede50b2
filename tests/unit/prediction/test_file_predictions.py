"""Predictions for files: visualizations, `predictions.json`, and files that are skipped."""

import io
import json

import pytest

from composer.errors import InputError
from composer.prediction import FilePredictions, Predictor, find_files


@pytest.fixture
def images(tmp_path, red):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("b.png", "a.jpg"):
        red.save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def predictor(see_colors):
    return Predictor(see_colors(), score_threshold=0.5)


def test_files_of_a_folder_are_predicted_in_order(images, predictor, tmp_path):
    predictions = FilePredictions(predictor, find_files([images]), tmp_path / "found")
    results = list(predictions)
    assert [result.file.name for result in results] == ["a.jpg", "b.png"]
    assert {result.summary for result in results} == {"1 red thing"}
    assert [file.name for file in predictions.saved] == ["a.jpg", "b.png", "predictions.json"]
    entries = json.loads((tmp_path / "found" / "predictions.json").read_text())
    assert [entry["image_id"] for entry in entries] == [1, 2]


def test_unreadable_file_is_skipped_with_its_error(images, predictor, tmp_path):
    (images / "a.jpg").write_bytes(b"no image")
    first, second = FilePredictions(predictor, find_files([images]), tmp_path / "found")
    assert isinstance(first.error, InputError)
    assert (second.error, second.summary) == (None, "1 red thing")


def test_stream_gets_the_predictions_and_no_file_is_written(images, predictor, tmp_path):
    stream = io.StringIO()
    predictions = FilePredictions(predictor, [images / "a.jpg"], stream)
    assert len(list(predictions)) == 1
    assert json.loads(stream.getvalue())[0]["category_name"] == "red thing"
    assert predictions.saved == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_predictions_are_kept_when_the_loop_ends_early(images, predictor, tmp_path):
    for _ in FilePredictions(predictor, find_files([images]), tmp_path / "found", visualize=False):
        break
    assert [file.name for file in (tmp_path / "found").iterdir()] == ["predictions.json"]
    assert len(json.loads((tmp_path / "found" / "predictions.json").read_text())) == 1


def test_images_in_the_folder_of_results_are_not_overwritten(images, predictor):
    before = (images / "a.jpg").read_bytes()
    predictions = FilePredictions(predictor, [images / "a.jpg"], images)
    assert len(list(predictions)) == 1
    assert (images / "a.jpg").read_bytes() == before
    assert predictions.saved[0].name == "a-2.jpg"


def test_nothing_of_an_earlier_prediction_is_overwritten(images, predictor, tmp_path):
    folder = tmp_path / "found"
    first = FilePredictions(predictor, [images / "a.jpg"], folder)
    list(first)
    (folder / "predictions-2.json.part").write_text("of a process that was killed")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    second = FilePredictions(predictor, [images / "a.jpg", images / "b.png"], folder)
    list(second)
    assert [file.name for file in second.saved] == ["a-2.jpg", "b.png", "predictions-3.json"]
    assert len(json.loads(second.saved[-1].read_text())) == 2
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_file_cannot_be_the_folder_of_results(images, predictor):
    with pytest.raises(InputError, match="cannot be the folder of results: a file"):
        FilePredictions(predictor, [], images / "notes.txt")


def test_folder_without_images_and_missing_files_are_mistakes(tmp_path):
    with pytest.raises(InputError, match="no images and no videos in this folder"):
        find_files([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_files([tmp_path / "gone.jpg"])
