"""Evaluators of boxes after other rules than COCO's."""

import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from composer.data import Annotation, Dataset, Metadata, Record
from composer.errors import InputError
from composer.evaluation import (
    CocoEvaluator,
    LvisEvaluator,
    ProposalEvaluator,
    Results,
    RotatedEvaluator,
    VocEvaluator,
    evaluate_detections,
    make_evaluators,
    read_results,
    write_results,
)
from composer.evaluation.proposal_evaluator import match_greedily
from composer.structures import Boxes, Instances, RotatedBoxes, rasterize_polygons
from composer.structures.bit_masks import encode_masks
from composer.structures.run_lengths import encode_polygons
from unit.evaluation.scenes import make_scenes, noisy_outputs, true_outputs

A, B, C = (0.0, 0.0, 40.0, 40.0), (50.0, 0.0, 90.0, 40.0), (0.0, 50.0, 40.0, 90.0)
SIZE = (100, 100)


@pytest.fixture(scope="module")
def scenes():
    return make_scenes()


def dataset_of(*images, frequencies=(), extras=()):
    """A dataset of images that are tuples of (box, class)."""
    extras = [*extras, *[{}] * (len(images) - len(extras))]
    records = tuple(
        Record(
            Path(f"{at}.jpg"),
            at,
            *SIZE,
            tuple(Annotation(box, category, area=1600.0) for box, category in objects),
            extra=extra,
        )
        for at, (objects, extra) in enumerate(zip(images, extras, strict=True))
    )
    metadata = Metadata(("cat", "dog", "emu"), thing_ids=(1, 2, 3), frequencies=frequencies)
    return Dataset("boxes", records, metadata)


def outputs_of(*images):
    """Outputs of images that are tuples of (box, class, score)."""
    return [
        {
            "instances": Instances(
                SIZE,
                pred_boxes=Boxes([box for box, _, _ in objects]),
                pred_classes=torch.tensor([category for _, category, _ in objects]).long(),
                scores=torch.tensor([score for _, _, score in objects]),
            )
        }
        for objects in images
    ]


def measure(evaluator, outputs):
    evaluator.process([{"image_id": at} for at in range(len(outputs))], outputs)
    return evaluator.results()


def test_voc_gives_the_mean_over_classes_that_have_objects():
    dataset = dataset_of([(A, 0), (B, 1)])
    results = measure(VocEvaluator(dataset), outputs_of([(A, 0, 0.9), (A, 1, 0.8), (B, 2, 0.7)]))
    task = results.tasks["voc"]
    assert task.metrics["AP50"] == 0.5
    assert task.per_class["cat"]["AP50"] == 1.0
    assert task.per_class["dog"]["AP50"] == 0.0
    assert math.isnan(task.per_class["emu"]["AP50"])


def test_voc_passes_over_difficult_objects():
    dataset = dataset_of([(A, 0), (B, 0)])
    easy, difficult = dataset.records[0].annotations
    record = replace(dataset[0], annotations=(easy, replace(difficult, is_difficult=True)))
    found = outputs_of([(A, 0, 0.9)])
    results = measure(VocEvaluator(replace(dataset, records=(record,))), found)
    assert results.flat()["voc/AP"] == 1.0
    assert measure(VocEvaluator(dataset), found).flat()["voc/AP"] == pytest.approx(0.5)


def test_voc_gives_the_truth_a_precision_of_one(scenes):
    for interpolation in ("area", "11point"):
        evaluator = VocEvaluator(scenes.dataset, interpolation=interpolation)
        evaluator.process(scenes.inputs, true_outputs(scenes.dataset))
        assert evaluator.results().flat()["voc/AP"] == pytest.approx(1.0)


def test_lvis_judges_classes_only_where_something_is_known_of_them():
    # Of class 1 nothing is known in image 0; of class 2 it is known that there is none.
    extras = [{"neg_categories": (2,)}]
    dataset = dataset_of([(A, 0)], [(A, 1), (B, 2)], frequencies=("r", "c", "f"), extras=extras)
    true = [(A, 1, 0.9), (B, 2, 0.8)]
    perfect = outputs_of([(A, 0, 0.9), (C, 1, 1.0)], true)
    assert measure(LvisEvaluator(dataset), perfect).flat()["lvis_bbox/AP"] == pytest.approx(1.0)
    assert measure(CocoEvaluator(dataset), perfect).flat()["bbox/AP"] < 1.0
    wrong = outputs_of([(A, 0, 0.9), (C, 2, 1.0)], true)
    metrics = measure(LvisEvaluator(dataset), wrong).tasks["lvis_bbox"].metrics
    assert metrics["APr"] == metrics["APc"] == pytest.approx(1.0)
    assert metrics["APf"] == pytest.approx(0.5)


def test_lvis_passes_over_more_objects_of_a_class_that_is_not_all_annotated():
    found = outputs_of([(B, 0, 1.0), (A, 0, 0.9)])
    for extra, expected in (({"not_exhaustive_categories": (0,)}, 1.0), ({}, 0.5)):
        dataset = dataset_of([(A, 0)], frequencies=("r", "c", "f"), extras=[extra])
        results = measure(LvisEvaluator(dataset), found)
        assert results.flat()["lvis_bbox/AP"] == pytest.approx(expected)


def test_lvis_limits_detections_of_an_image_over_all_classes():
    dataset = dataset_of([(A, 0), (B, 1)], frequencies=("r", "c", "f"))
    found = outputs_of([(A, 0, 0.9), (B, 1, 0.8)])
    results = measure(LvisEvaluator(dataset, max_detections=1), found)
    assert results.tasks["lvis_bbox"].per_class["dog"]["AP"] == 0.0
    assert "AR1" in results.tasks["lvis_bbox"].metrics


def test_lvis_equals_coco_where_all_is_known(scenes):
    known = {"neg_categories": (0, 1, 2)}
    records = tuple(
        replace(r, annotations=tuple(a for a in r.annotations if not a.is_crowd), extra=known)
        for r in scenes.dataset.records
    )
    metadata = replace(scenes.dataset.metadata, frequencies=("f", "f", "c"))
    dataset = Dataset("all known", records, metadata)
    found = noisy_outputs(dataset)
    coco, lvis = CocoEvaluator(dataset, tasks=["bbox", "segm"]), LvisEvaluator(dataset)
    for evaluator in (coco, lvis):
        evaluator.process(scenes.inputs, found)
    expected, results = coco.results(), lvis.results()
    for task in ("bbox", "segm"):
        for figure in ("AP", "AP50", "APs", "APm", "APl"):
            value = results.tasks[f"lvis_{task}"].metrics[figure]
            assert value == pytest.approx(expected.tasks[task].metrics[figure])
    assert math.isnan(results.flat()["lvis_bbox/APr"])


def test_lvis_wants_to_know_how_frequent_classes_are(scenes):
    with pytest.raises(InputError, match="does not say how frequent"):
        LvisEvaluator(scenes.dataset)


def proposals_of(*images):
    return [
        {
            "proposals": Instances(
                SIZE,
                proposal_boxes=Boxes([box for box, _ in objects]),
                objectness_logits=torch.tensor([score for _, score in objects]),
            )
        }
        for objects in images
    ]


def test_recall_of_proposals_counts_objects_that_the_best_ones_cover():
    dataset = dataset_of([(A, 0), (B, 1)], [(C, 2)])
    found = proposals_of([(C, 2.0), (A, 1.0), (B, 0.5)], [(C, -1.0)])
    metrics = measure(ProposalEvaluator(dataset, limits=(1, 2, 100)), found).flat()
    assert metrics["proposals/AR1"] == pytest.approx(1 / 3)
    assert metrics["proposals/AR2"] == pytest.approx(2 / 3)
    assert metrics["proposals/AR100"] == pytest.approx(1.0)
    assert metrics["proposals/ARm100"] == pytest.approx(1.0)
    assert math.isnan(metrics["proposals/ARl100"])


def test_proposals_can_be_written_for_another_model_to_learn_from():
    evaluator = ProposalEvaluator(dataset_of([(A, 0)], [(B, 1)]))
    measure(evaluator, proposals_of([(C, 1.0), (A, 2.0)], []))
    assert evaluator.to_coco() == [
        {"image_id": 0, "bbox": [0, 0, 40, 40], "score": 2.0},
        {"image_id": 0, "bbox": [0, 50, 40, 40], "score": 1.0},
    ]


def test_little_is_kept_of_proposals():
    evaluator, count = ProposalEvaluator(dataset_of([(A, 0)])), 2000
    empty = len(pickle.dumps(evaluator))
    measure(evaluator, proposals_of([(B, float(at)) for at in range(count)]))
    assert len(evaluator.to_coco()) == count
    five_numbers = 5 * 4  # bytes of a box and a logit
    assert len(pickle.dumps(evaluator)) - empty < count * five_numbers + 1000


def test_recall_is_the_mean_over_overlaps():
    dataset = dataset_of([(A, 0)])
    found = proposals_of([((0.0, 0.0, 40.0, 29.0), 1.0)])  # overlaps by 0.725
    metrics = measure(ProposalEvaluator(dataset), found).flat()
    assert metrics["proposals/AR100"] == pytest.approx(0.5)


def test_image_without_proposals_has_all_its_objects_missed():
    dataset = dataset_of([(A, 0)], [(B, 0)])
    results = measure(ProposalEvaluator(dataset), proposals_of([(A, 1.0)]))
    assert results.flat()["proposals/AR100"] == pytest.approx(0.5)


def test_best_pair_is_matched_first():
    overlaps = np.array([[0.9, 0.8], [0.7, 0.1]])
    assert match_greedily(overlaps).tolist() == [0.9, 0.1]
    assert match_greedily(np.zeros((0, 2))).tolist() == [0, 0]


def test_proposals_need_not_cover_difficult_objects():
    dataset = dataset_of([(A, 0), (B, 0)])
    dataset = marked(dataset, 1, is_difficult=True)
    metrics = measure(ProposalEvaluator(dataset), proposals_of([(A, 1.0)])).flat()
    assert metrics["proposals/AR100"] == 1.0


def marked(dataset, place, **marks):
    """A dataset of one image, one of whose objects is marked."""
    objects = list(dataset[0].annotations)
    objects[place] = replace(objects[place], **marks)
    return replace(dataset, records=(replace(dataset[0], annotations=tuple(objects)),))


def test_coco_passes_over_difficult_objects():
    dataset = dataset_of([(A, 0), (B, 0)])
    difficult = marked(dataset, 1, is_difficult=True)
    for found in ([(A, 0, 0.8)], [(B, 0, 0.9), (A, 0, 0.8)]):
        results = measure(CocoEvaluator(difficult), outputs_of(found))
        assert results.flat()["bbox/AP"] == pytest.approx(1.0)
        assert results.flat()["bbox/APm"] == pytest.approx(1.0)
    wrong = measure(CocoEvaluator(difficult), outputs_of([(C, 0, 0.9), (A, 0, 0.8)]))
    assert wrong.flat()["bbox/AP"] == pytest.approx(0.5)
    easy = measure(CocoEvaluator(dataset), outputs_of([(A, 0, 0.8)]))
    assert easy.flat()["bbox/AP"] == pytest.approx(0.5, abs=0.01)


SHIP = [50.0, 50.0, 60.0, 16.0, 30.0]


def ships_of(*images):
    """A dataset of images that are lists of rotated boxes, each the outline of an object."""
    dataset = dataset_of(*([(A, 0)] * len(boxes) for boxes in images))
    records = []
    for record, boxes in zip(dataset, images, strict=True):
        corners = RotatedBoxes(boxes).get_corners().flatten(1).tolist()
        objects = zip(record.annotations, corners, strict=True)
        drawn = tuple(replace(one, segmentation=[flat]) for one, flat in objects)
        records.append(replace(record, annotations=drawn))
    return replace(dataset, records=tuple(records))


def found_ships(*images):
    """Outputs of images that are lists of (rotated box, score)."""
    return [
        {
            "instances": Instances(
                SIZE,
                pred_boxes=RotatedBoxes([box for box, _ in objects]),
                pred_classes=torch.zeros(len(objects), dtype=torch.long),
                scores=torch.tensor([score for _, score in objects]),
            )
        }
        for objects in images
    ]


def rotated_ap(dataset, outputs):
    return measure(RotatedEvaluator(dataset), outputs).flat()["rotated_bbox/AP"]


def test_rotated_boxes_overlap_as_they_lie():
    for angle, expected in ((30.0, 1.0), (-30.0, 0.0), (210.0, 1.0)):
        found = found_ships([([*SHIP[:4], angle], 0.9)])
        assert rotated_ap(ships_of([SHIP]), found) == pytest.approx(expected)


def test_rotated_truth_is_fitted_to_run_lengths_too():
    corners = RotatedBoxes([SHIP]).get_corners().flatten(1).numpy()
    dataset = marked(dataset_of([(A, 0)]), 0, segmentation=encode_polygons(list(corners), *SIZE))
    evaluator = RotatedEvaluator(dataset)
    metrics = measure(evaluator, found_ships([(SHIP, 0.9)])).flat()
    assert metrics["rotated_bbox/AP75"] == pytest.approx(1.0)


def test_boxes_that_are_not_rotated_are_rotated_by_nothing():
    found = found_ships([([20.0, 20.0, 40.0, 40.0, 0.0], 0.9), ([70.0, 70.0, 9.0, 9.0, 5.0], 0.8)])
    assert rotated_ap(dataset_of([(A, 0)]), found) == pytest.approx(1.0)
    assert rotated_ap(dataset_of([(A, 0)]), outputs_of([(A, 0, 0.9)])) == pytest.approx(1.0)


def test_rotated_boxes_in_crowds_and_difficult_objects_are_not_wrong():
    other = [20.0, 80.0, 30.0, 30.0, 0.0]
    found = found_ships([([20.0, 80.0, 12.0, 12.0, 0.0], 0.9), (SHIP, 0.8)])
    plain = ships_of([SHIP, other])
    assert rotated_ap(plain, found) == pytest.approx(0.25, abs=0.01)
    assert rotated_ap(marked(plain, 1, is_crowd=True), found) == pytest.approx(1.0)
    found = found_ships([(other, 0.9), (SHIP, 0.8)])
    for seen in (found, found_ships([(SHIP, 0.8)])):
        assert rotated_ap(marked(plain, 1, is_difficult=True), seen) == pytest.approx(1.0)


def test_rotated_boxes_of_joined_datasets_with_equal_ids_are_told_apart():
    dataset = ships_of([SHIP], [SHIP])
    records = tuple(replace(record, image_id=1) for record in dataset)
    evaluator = RotatedEvaluator(replace(dataset, records=records))
    inputs = [{"image_id": 1, "file_name": str(record.file_name)} for record in records]
    evaluator.process(inputs, found_ships([], [(SHIP, 0.9)]))
    results = evaluator.results()
    assert results.num_images == 2
    assert results.flat()["rotated_bbox/AP"] == pytest.approx(0.5, abs=0.01)


def test_rotated_boxes_are_measured_as_such_by_default():
    dataset = marked(ships_of([SHIP, [20.0, 80.0, 9.0, 9.0, 0.0]]), 1, is_difficult=True)
    evaluators = make_evaluators(dataset, outputs=["instances"])
    for evaluator in evaluators:
        evaluator.process([{"image_id": 0}], found_ships([(SHIP, 0.9)]))
    results = Results.join(evaluator.results() for evaluator in evaluators)
    assert set(results.tasks) == {"rotated_bbox"}
    assert results.flat()["rotated_bbox/AP"] == pytest.approx(1.0)


def test_limits_on_detections_hold_for_rotated_boxes_too():
    other = [20.0, 80.0, 30.0, 30.0, 0.0]
    evaluator = CocoEvaluator(ships_of([SHIP, other]), max_detections=(1,))
    metrics = measure(evaluator, found_ships([(SHIP, 0.9), (other, 0.8)])).flat()
    assert "rotated_bbox/AR1" in metrics
    assert "rotated_bbox/AR100" not in metrics
    assert metrics["rotated_bbox/AP"] == pytest.approx(0.5, abs=0.01)


def test_rotated_boxes_may_have_keypoints_and_masks():
    record = ships_of([SHIP])[0]
    (ship,) = record.annotations
    ship = replace(ship, keypoints=(50, 50, 2))
    metadata = Metadata(("ship",), thing_ids=(1,), keypoint_names=("middle",))
    dataset = Dataset("ships", (replace(record, annotations=(ship,)),), metadata)
    (output,) = found_ships([(SHIP, 0.9)])
    output["instances"].pred_keypoints = torch.tensor([[[50.5, 50.5, 1.0]]])
    corners = RotatedBoxes([SHIP]).get_corners().flatten(1).double().numpy()
    mask = rasterize_polygons(list(corners), *SIZE)
    output["instances"].pred_masks = torch.from_numpy(mask)[None]
    metrics = measure(CocoEvaluator(dataset), [output]).flat()
    for task in ("rotated_bbox", "keypoints", "segm"):
        assert metrics[f"{task}/AP"] == pytest.approx(1.0)


def test_upright_boxes_among_rotated_ones_are_measured_with_them(tmp_path):
    file, box = tmp_path / "found.json", {"image_id": 0, "category_id": 1, "score": 0.9}
    entries = [{**box, "bbox": SHIP}, {**box, "bbox": [0, 70, 30, 30], "score": 0.8}]
    file.write_text(json.dumps(entries))
    dataset = ships_of([SHIP, [15.0, 85.0, 30.0, 30.0, 0.0]])
    metrics = evaluate_detections(read_results(file, dataset)).flat()
    assert metrics["rotated_bbox/AP"] == pytest.approx(1.0)
    assert "bbox/AP" not in metrics


def test_evaluators_share_what_is_found(scenes, monkeypatch):
    tasks, outputs = ["bbox", "segm", "voc", "rotated_bbox"], noisy_outputs(scenes.dataset)
    alone = [make_evaluators(scenes.dataset, [task])[0] for task in tasks]
    encoded, gathered = [], []

    def encode(masks):
        encoded.append(masks)
        return encode_masks(masks)

    def gather(part):
        gathered.append(part)
        return [part]

    monkeypatch.setattr("composer.evaluation.detections.encode_masks", encode)
    monkeypatch.setattr("composer.evaluation.detections.gather_parts", gather)
    together = make_evaluators(scenes.dataset, tasks)
    for inputs, found in ((scenes.inputs[:4], outputs[:4]), (scenes.inputs[4:], outputs[4:])):
        for evaluator in together:
            evaluator.process(inputs, found)
    for evaluator in together:
        evaluator.gather()
    assert len(encoded) == len(outputs)
    assert len(gathered) == 1
    for evaluator in alone:
        evaluator.process(scenes.inputs, outputs)
    expected = Results.join(evaluator.results() for evaluator in alone)
    assert Results.join(evaluator.results() for evaluator in together).flat() == expected.flat()


def test_what_is_found_last_in_an_image_counts():
    dataset = dataset_of([(A, 0)])
    for evaluator in make_evaluators(dataset, ["bbox", "voc"]):
        wrong, right = outputs_of([(B, 0, 0.9)], [(A, 0, 0.9)])
        evaluator.process([{"image_id": 0}] * 2, [right, wrong])
        evaluator.process([{"image_id": 0}] * 2, [right, wrong])
        evaluator.gather()
        (wrong_metrics,) = evaluator.results().tasks.values()
        assert wrong_metrics.metrics["AP"] == 0.0
        evaluator.process([{"image_id": 0}], [right])
        (right_metrics,) = evaluator.results().tasks.values()
        assert right_metrics.metrics["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("task", ["bbox", "voc"])
def test_tasks_of_upright_boxes_refuse_rotated_ones(task):
    (evaluator,) = make_evaluators(ships_of([SHIP]), [task])
    evaluator.process([{"image_id": 0}], found_ships([(SHIP, 0.9)]))
    with pytest.raises(InputError, match=rf"task '{task}' compares upright .* 'rotated_bbox'"):
        evaluator.results()


def test_rotated_boxes_are_read_back_from_a_file(tmp_path):
    dataset = ships_of([SHIP])
    evaluator = RotatedEvaluator(dataset)
    evaluator.process([{"image_id": 0}], found_ships([(SHIP, 0.9)]))
    write_results(tmp_path / "ships.json", evaluator.detections)
    read = read_results(tmp_path / "ships.json", dataset)
    for tasks in (None, ["rotated_bbox"]):
        metrics = evaluate_detections(read, tasks).flat()
        assert metrics["rotated_bbox/AP"] == pytest.approx(1.0)
        assert "bbox/AP" not in metrics
