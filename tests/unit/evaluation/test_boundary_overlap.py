"""Boundary IoU: which pixels count, and what it means for average precision."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from composer.data import Annotation, Dataset, Metadata, Record
from composer.errors import InputError
from composer.evaluation import CocoEvaluator, make_evaluators
from composer.evaluation.boundary_overlap import erode, find_boundary
from unit.evaluation.scenes import make_scenes, noisy_outputs, to_instances, true_outputs

SIDE = 400  # 2 % of the diagonal are 11 pixels
REACH = 11


def encode(pixels):
    return coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))


def draw_square(left, top, size):
    pixels = np.zeros((SIDE, SIDE), dtype=bool)
    pixels[top : top + size, left : left + size] = True
    return pixels


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(1, 4))
def test_erosion_keeps_pixels_with_a_full_square_around(pixels, reach):
    padded = np.pad(pixels, reach)
    size = 2 * reach + 1
    height, width = pixels.shape
    expected = [
        [padded[row : row + size, column : column + size].all() for column in range(width)]
        for row in range(height)
    ]
    assert np.array_equal(erode(pixels, reach), expected)


def test_boundary_is_a_band_of_two_percent_of_the_diagonal():
    found = coco_mask.decode(find_boundary(encode(draw_square(50, 60, 200)))).astype(bool)
    inner = draw_square(50 + REACH, 60 + REACH, 200 - 2 * REACH)
    assert np.array_equal(found, draw_square(50, 60, 200) & ~inner)


def test_edges_of_the_image_are_outlines():
    found = coco_mask.decode(find_boundary(encode(np.ones((SIDE, SIDE), dtype=bool))))
    assert found.sum() == SIDE**2 - (SIDE - 2 * REACH) ** 2


def test_small_masks_are_all_boundary():
    mask = encode(draw_square(10, 10, 20))
    assert find_boundary(mask) == mask


def test_an_empty_mask_has_an_empty_boundary():
    mask = encode(np.zeros((SIDE, SIDE), dtype=bool))
    assert coco_mask.area(find_boundary(mask)) == 0


def make_square(left, size):
    right = left + size
    outline = [left, left, right, left, right, right, left, right]
    return Annotation((left, left, right, right), 0, segmentation=[[float(v) for v in outline]])


def evaluate_squares(truth, found):
    """The metrics of a detected square on a dataset of another one."""
    record = Record("a.jpg", 1, SIDE, SIDE, (truth,))
    dataset = Dataset("squares", (record,), Metadata(thing_classes=("square",), thing_ids=(1,)))
    evaluator = CocoEvaluator(dataset, tasks=["segm", "boundary"])
    output = {"instances": to_instances(replace(record, annotations=(found,)))}
    evaluator.process([{"image_id": 1, "file_name": "a.jpg"}], [output])
    return {name: task.metrics["AP"] for name, task in evaluator.results().tasks.items()}


def test_lower_of_both_overlaps_counts():
    """A square moved by 4 pixels: IoU 0.92 of the masks, 0.47 of their boundaries."""
    truth, found = (encode(draw_square(at, at, 200)) for at in (100, 104))
    whole = coco_mask.iou([found], [truth], [0])[0, 0]
    near = coco_mask.iou([find_boundary(found)], [find_boundary(truth)], [0])[0, 0]
    assert (whole, near) == pytest.approx((0.924, 0.471), abs=0.001)
    metrics = evaluate_squares(make_square(100, 200), make_square(104, 200))
    assert metrics == pytest.approx({"segm": 0.9, "boundary": 0.0})


def test_truth_has_a_precision_of_one():
    square = make_square(100, 200)
    assert evaluate_squares(square, square) == pytest.approx({"segm": 1.0, "boundary": 1.0})
    scenes = make_scenes()
    evaluator = CocoEvaluator(scenes.dataset, tasks=["boundary"])
    evaluator.process(scenes.inputs, true_outputs(scenes.dataset))
    assert evaluator.results().tasks["boundary"].metrics["AP"] == pytest.approx(1.0)


def test_noise_has_no_more_than_by_masks():
    scenes = make_scenes()
    evaluator = CocoEvaluator(scenes.dataset, tasks=["segm", "boundary"])
    evaluator.process(scenes.inputs, noisy_outputs(scenes.dataset))
    by_mask, by_boundary = (evaluator.results().tasks[n].metrics["AP"] for n in evaluator.tasks)
    assert 0 < by_boundary < by_mask


def test_boundaries_are_evaluated_only_when_named():
    scenes = make_scenes()
    (evaluator,) = make_evaluators(scenes.dataset)
    assert evaluator.tasks == ("bbox", "segm", "keypoints")
    (named,) = make_evaluators(scenes.dataset, ["boundary"])
    assert named.tasks == ("boundary",)


def test_a_dataset_without_masks_is_refused():
    scenes = make_scenes()
    records = [
        replace(r, annotations=tuple(replace(a, segmentation=None) for a in r.annotations))
        for r in scenes.dataset.records
    ]
    with pytest.raises(InputError, match="nothing annotated for the task 'boundary'"):
        CocoEvaluator(replace(scenes.dataset, records=tuple(records)), tasks=["boundary"])
