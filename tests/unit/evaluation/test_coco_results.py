"""Files of detections: written as COCO wants them, read back, measured without a model."""

import json

import pytest
from pycocotools import mask as coco_mask

from composer.errors import InputError
from composer.evaluation import CocoEvaluator, evaluate_detections, read_results, write_results
from composer.evaluation.image_index import find_image_size
from unit.evaluation.scenes import make_scenes, noisy_outputs


@pytest.fixture(scope="module")
def scenes():
    return make_scenes()


@pytest.fixture(scope="module")
def evaluator(scenes):
    evaluator = CocoEvaluator(scenes.dataset)
    evaluator.process(scenes.inputs, noisy_outputs(scenes.dataset))
    return evaluator


def write(path, *entries):
    path.write_text(json.dumps(entries))
    return path


def test_file_has_the_ids_of_the_dataset(evaluator, scenes, tmp_path):
    path = tmp_path / "deep" / "results.json"
    write_results(path, evaluator.detections)
    entries = json.loads(path.read_text())
    assert {entry["category_id"] for entry in entries} <= {3, 7, 20}
    assert {entry["image_id"] for entry in entries} <= {r.image_id for r in scenes.dataset.records}
    assert all(isinstance(entry["segmentation"]["counts"], str) for entry in entries)


def test_file_that_is_read_back_has_the_same_metrics(evaluator, scenes, tmp_path):
    write_results(tmp_path / "results.json", evaluator.detections)
    read = read_results(tmp_path / "results.json", scenes.dataset)
    assert evaluate_detections(read).flat() == evaluator.results().flat()


def test_boxes_are_found_around_masks_and_keypoints(evaluator, scenes, tmp_path):
    entry = evaluator.detections.to_coco()[0]
    masked = {k: entry[k] for k in ("image_id", "category_id", "score", "segmentation")}
    pointed = {**masked, "keypoints": [1, 2, 1, 5, 9, 1]}
    del pointed["segmentation"]
    read = read_results(write(tmp_path / "r.json", masked, pointed), scenes.dataset)
    first, second = next(iter(read.by_image.values()))
    assert first["bbox"] == pytest.approx(entry["bbox"], abs=3.0)
    assert second["bbox"] == [1, 2, 4, 7]
    assert read.kinds == {"segmentation", "keypoints"}


def test_what_has_no_keypoints_takes_no_part_where_keypoints_are_compared(
    evaluator, scenes, tmp_path
):
    entries = evaluator.detections.to_coco()
    bare = [{key: one[key] for key in one if key != "keypoints"} for one in entries[::2]]
    whole = entries[1::2]
    mixed = read_results(write(tmp_path / "mixed.json", *bare, *whole), scenes.dataset)
    pointed = read_results(write(tmp_path / "whole.json", *whole), scenes.dataset)
    expected = evaluate_detections(pointed, ["keypoints"]).flat()
    assert evaluate_detections(mixed, ["keypoints"]).flat() == expected
    short = {**whole[0], "keypoints": [1, 2, 1]}
    wrong = read_results(write(tmp_path / "wrong.json", *bare, short), scenes.dataset)
    with pytest.raises(InputError, match="the model predicts 1 keypoint,"):
        evaluate_detections(wrong, ["keypoints"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 1}, "entry 0: the dataset 'scenes' has no image with the id 1"),
        ({"category_id": 4}, "entry 0: the dataset has no category with the id 4"),
        ({"score": "high"}, "entry 0 is malformed"),
        ({"score": None}, "entry 0 is malformed"),
        ({"bbox": [1, 2]}, "entry 0: a box has four numbers, or five"),
        ({"bbox": []}, "entry 0: it has none of bbox, segmentation, keypoints"),
        (
            {"bbox": [1, 2, 3, float("nan")]},
            r"entry 0: 'bbox' is the numbers x.*not \[1, 2, 3, nan",
        ),
        ({"bbox": {"x": 1}}, "entry 0: 'bbox' is the numbers x, y, width, height, not {'x': 1}"),
        ({"bbox": [1, 2, -3, 4]}, "entry 0: a box has no negative width"),
        ({"segmentation": {"size": [1]}}, "entry 0: a run-length encoding has the keys"),
        ({"segmentation": {"size": [5, 5], "counts": "zz"}}, "entry 0: the mask is for"),
        ({"segmentation": [[1, 2]]}, "entry 0: no polygon has three corners"),
        (
            {"segmentation": [[1, 2, "3", 4, 5, 6]]},
            "entry 0 is malformed: a polygon is a flat list",
        ),
        ({"keypoints": [1, 2]}, "entry 0: 'keypoints' is a flat list of numbers x, y, score"),
        ({"score": True}, "entry 0 is malformed: 'score' is a number, not True"),
        (
            {"category_id": "3"},
            r"category with the id '3'\. Ids are numbers here: 3, without quotes",
        ),
        ({"category_id": True}, r"no category with the id True\. Categories: 3, 7, 20\."),
        ({"category_id": "dog"}, r"no category with the id 'dog'\. That of this name is 7\."),
        ({"category_id": [3]}, r"no category with the id \[3\]\. Categories: 3, 7, 20\."),
        ({"segmentation": 5}, "entry 0 is malformed"),
    ],
)
def test_bad_entries_are_reported(scenes, tmp_path, change, message):
    entry = {"image_id": scenes.dataset[0].image_id, "category_id": 3, "score": 0.5}
    path = write(tmp_path / "results.json", {**entry, "bbox": [1, 2, 3, 4], **change})
    with pytest.raises(InputError, match=message):
        read_results(path, scenes.dataset)


def test_the_id_of_an_image_that_is_called_by_its_file_is_told(scenes, tmp_path):
    record = scenes.dataset[1]
    for name in (record.file_name.name, record.file_name.stem):
        entry = {"image_id": name, "category_id": 3, "score": 1, "bbox": [1, 2, 3, 4]}
        told = f"'{name}'\\. (That of {record.file_name}|Ids are numbers here:) "
        with pytest.raises(InputError, match=told):
            read_results(write(tmp_path / "r.json", entry), scenes.dataset)


def test_thousands_of_entries_of_other_images_take_no_time(tmp_path, monkeypatch):
    compared = []
    monkeypatch.setattr(
        "composer.evaluation.image_index.did_you_mean",
        lambda *given: compared.append(given) or "Did you mean 7?",
    )
    dataset = make_scenes(num_images=6).dataset
    entry = {"category_id": 3, "score": 1, "bbox": [1, 2, 3, 4]}
    entries = [{**entry, "image_id": 10_000 + number} for number in range(500)]
    with pytest.raises(InputError, match=r"id 10000\. Did you mean 7\?\n499 more of its entries"):
        read_results(write(tmp_path / "r.json", *entries), dataset)
    assert len(compared) == 1


def test_other_files_are_refused(scenes, tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_results(path, scenes.dataset)
    path.write_text("{}")
    with pytest.raises(
        InputError, match="expected a list of entries in COCO's results format, not a dict"
    ):
        read_results(path, scenes.dataset)
    path.write_text("[")
    with pytest.raises(InputError, match="not JSON"):
        read_results(path, scenes.dataset)
    with pytest.raises(InputError, match=r"entry 0 has no 'image_id'\. It needs an 'image_id', a"):
        read_results(write(path, {}), scenes.dataset)


def test_tasks_that_detections_do_not_serve_are_refused(evaluator):
    with pytest.raises(InputError, match="does not serve the task 'panoptic'"):
        evaluate_detections(evaluator.detections, ["panoptic"])


@pytest.mark.parametrize("empty", [[], [[]], {}, None])
def test_an_empty_mask_is_absent_and_the_box_stays(scenes, tmp_path, empty):
    entry = {"image_id": scenes.dataset[0].image_id, "category_id": 3.0, "score": 1}
    path = write(tmp_path / "r.json", {**entry, "bbox": [1, 2, 3, 4], "segmentation": empty})
    read = read_results(path, scenes.dataset)
    ((detection,),) = read.by_image.values()
    assert detection == {"category_id": 0, "score": 1.0, "bbox": [1, 2, 3, 4]}
    assert read.kinds == {"bbox"}


def test_polygons_are_read_as_pycocotools_does(scenes, tmp_path):
    record = scenes.dataset[0]
    polygons = [[1.5, 2, 9, 2.5, 7, 9], [10, 10, 15, 10, 15, 14]]
    entry = {"image_id": record.image_id, "category_id": 3, "score": 1, "segmentation": polygons}
    read = read_results(write(tmp_path / "r.json", entry), scenes.dataset)
    ((detection,),) = read.by_image.values()
    parts = coco_mask.frPyObjects(polygons, *find_image_size(record))
    assert detection["segmentation"] == coco_mask.merge(parts)
    assert detection["bbox"] == coco_mask.toBbox(coco_mask.merge(parts)).tolist()


def test_the_number_of_bad_entries_is_told_and_the_first_is_described(scenes, tmp_path):
    entry = {"image_id": scenes.dataset[0].image_id, "category_id": 3, "bbox": [1, 2, 3, 4]}
    entries = [{**entry, "score": 1}, *({**entry, "score": "1"} for _ in range(10_000))]
    with pytest.raises(InputError) as caught:
        read_results(write(tmp_path / "r.json", *entries), scenes.dataset)
    first, second = str(caught.value).splitlines()
    assert "entry 1 is malformed: 'score' is a number, not '1'" in first
    assert second == "9999 more of its entries cannot be used: 2, 3, 4, 5, 6, ..."
