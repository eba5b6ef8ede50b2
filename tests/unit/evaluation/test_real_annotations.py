"""Figures on COCO's own annotations, where they are at hand, against pycocotools from files."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.evaluation import (
    CocoEvaluator,
    PanopticEvaluator,
    SemanticEvaluator,
    evaluate_detections,
    read_results,
)
from composer.evaluation.segmentation_truth import read_classes, read_segments
from unit.evaluation.scenes import to_instances
from unit.evaluation.test_coco_evaluator import score_from_files

DATA = Path(__file__).parents[4] / "shared" / "data"
FILES = {
    "bbox": "instances_train2017.json",
    "segm": "instances_train2017.json",
    "keypoints": "person_keypoints_train2017.json",
}

pytestmark = pytest.mark.skipif(
    not (DATA / "coco_tiny").is_dir(), reason="there is no ../shared/data beside the repository"
)


def read(task):
    """COCO's document, and the dataset that it is read as."""
    file = DATA / "coco_tiny" / "annotations" / FILES[task]
    dataset = coco(annotations=file, images=DATA / "coco_tiny" / "train2017")
    assert dataset.faults == ()
    return json.loads(file.read_text()), dataset


def make_results(document, dataset, task, seed=0):
    """Results in the published format: the truth, moved, some lost, some of another class."""
    draw = random.Random(seed)
    ids = [category["id"] for category in document["categories"]]
    evaluator = CocoEvaluator(dataset)
    evaluator.process([{"image_id": r.image_id} for r in dataset.records], _true_outputs(dataset))
    results = []
    for entry in evaluator.detections.to_coco():
        if draw.random() < 0.2:
            continue
        if draw.random() < 0.1:
            entry["category_id"] = draw.choice(ids)
        entry["score"] = round(draw.random(), 3)
        width, height = entry["bbox"][2:]
        sides = (width, height, width, height)
        moved = [v + draw.gauss(0, 0.06) * s for v, s in zip(entry["bbox"], sides, strict=True)]
        kept = {"image_id": entry["image_id"], "category_id": entry["category_id"]}
        if task == "bbox":
            kept["bbox"] = [round(value, 2) for value in moved]
        elif task == "segm":
            kept["segmentation"] = entry["segmentation"]
        else:
            shift = draw.gauss(0, 0.03) * width
            points = entry["keypoints"]
            kept["keypoints"] = [v + (shift if at % 3 == 0 else 0) for at, v in enumerate(points)]
        results.append({**kept, "score": entry["score"]})
    return results


def _true_outputs(dataset):
    return [{"instances": to_instances(record)} for record in dataset.records]


@pytest.mark.parametrize("task", ["bbox", "segm", "keypoints"])
def test_metrics_of_a_results_file_equal_those_of_pycocotools(task, tmp_path):
    document, dataset = read(task)
    results = make_results(document, dataset, task)
    expected = score_from_files(tmp_path, document, results, task)
    found = evaluate_detections(read_results(tmp_path / "results.json", dataset), [task])
    metrics = found.tasks[task].metrics
    assert 0.2 < expected["AP"] < 0.95
    assert metrics == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("task", ["segm", "keypoints"])
def test_truth_turned_into_detections_has_a_precision_of_one(task):
    _, dataset = read(task)
    # A person without a labelled keypoint cannot be found by its keypoints.
    found = replace(dataset, records=tuple(map(_with_keypoints, dataset.records)))
    outputs = _true_outputs(found if task == "keypoints" else dataset)
    evaluator = CocoEvaluator(dataset)
    evaluator.process([{"image_id": record.image_id} for record in dataset.records], outputs)
    flat = evaluator.results().flat()
    assert flat[f"{task}/AP"] == pytest.approx(1.0)
    if task == "segm":
        assert flat["bbox/AP"] == pytest.approx(1.0)


def _with_keypoints(record):
    labelled = [a for a in record.annotations if any((a.keypoints or ())[2::3])]
    return replace(record, annotations=tuple(labelled))


@pytest.fixture(scope="module")
def panoptic():
    folder = DATA / "coco_panoptic"
    dataset = coco_panoptic(
        annotations=folder / "annotations" / "panoptic_train2017.json",
        images=folder / "train2017",
        panoptic=folder / "panoptic_train2017",
    )
    return replace(dataset, records=dataset.records[:4])


def test_true_segments_have_a_panoptic_quality_of_one(panoptic):
    evaluator = PanopticEvaluator(panoptic)
    for record in panoptic.records:
        truth = read_segments(record)
        infos = [
            {"id": segment, "isthing": is_thing, "category_id": category}
            for segment, (is_thing, category) in truth.classes.items()
        ]
        output = {"panoptic_seg": (torch.from_numpy(truth.ids), infos)}
        evaluator.process([{"image_id": record.image_id}], [output])
    metrics = evaluator.results().tasks["panoptic"].metrics
    assert set(metrics.values()) == {1.0}


def test_true_classes_of_pixels_have_an_overlap_of_one(panoptic):
    evaluator = SemanticEvaluator(panoptic)
    count = len(panoptic.metadata.stuff_classes)
    for record in panoptic.records:
        truth = torch.from_numpy(read_classes(record, panoptic.metadata))
        classes = torch.where(truth == panoptic.metadata.ignore_label, 0, truth)
        scores = torch.nn.functional.one_hot(classes, count).permute(2, 0, 1)
        evaluator.process([{"image_id": record.image_id}], [{"sem_seg": scores}])
    metrics = evaluator.results().tasks["sem_seg"].metrics
    assert set(metrics.values()) == {1.0}
