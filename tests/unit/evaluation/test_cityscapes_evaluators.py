"""The evaluations of Cityscapes: equal to the benchmark's scripts, and what they refuse.

The numbers were computed by cityscapesScripts 2.3.0 on the same files.
"""

import math

import numpy as np
import pytest
import torch

from composer.data import cityscapes_classes
from composer.data.readers.cityscapes import cityscapes
from composer.errors import InputError
from composer.evaluation import (
    CityscapesInstanceEvaluator,
    CityscapesPixelEvaluator,
    make_evaluators,
)
from composer.structures import Boxes, Instances
from unit.evaluation.scenes import make_scenes
from unit.evaluation.street_scenes import SIZE, draw_streets, find_objects, find_pixels

PRECISIONS = {
    "person": (0.20022165334665334, 0.45954254079254075),
    "rider": (0.24875, 0.49583333333333335),
    "car": (0.45, 1.0),
    "truck": (0.1878720238095238, 0.3047619047619048),
    "bus": (0.2540524842159904, 0.45616883116883117),
    "train": (0.4046428571428572, 0.6777777777777777),
    "motorcycle": (0.029166666666666667, 0.08333333333333333),
    "bicycle": (0.1952380952380952, 0.5833333333333333),
}
OBJECT_OVERLAPS = {"person": 0.4173584805507916, "car": 0.03937681930545746}


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streets")
    ids = draw_streets(folder)
    return cityscapes(folder=folder, split="val", semantic=True), ids


def inputs_of(dataset):
    return [{"image_id": r.image_id, "file_name": str(r.file_name)} for r in dataset.records]


def test_instances_are_measured_as_by_the_benchmark(streets):
    dataset, ids = streets
    (evaluator,) = make_evaluators(dataset, ["cityscapes"])
    outputs = [{"instances": find_objects(one, seed)} for seed, one in enumerate(ids)]
    evaluator.process(inputs_of(dataset), outputs)
    found = evaluator.results().tasks["cityscapes"]
    assert found.metrics == pytest.approx({"AP": 0.2462429725524733, "AP50": 0.5075938818126318})
    measured = {name: (row["AP"], row["AP50"]) for name, row in found.per_class.items()}
    assert measured == {name: pytest.approx(values) for name, values in PRECISIONS.items()}


def test_pixels_are_measured_as_by_the_benchmark(streets):
    dataset, ids = streets
    (evaluator,) = make_evaluators(dataset, ["cityscapes_sem_seg"])
    outputs = [{"sem_seg": find_pixels(one, seed)} for seed, one in enumerate(ids)]
    evaluator.process(inputs_of(dataset), outputs)
    found = evaluator.results().tasks["cityscapes_sem_seg"]
    assert found.metrics == pytest.approx(
        {
            "IoU": 0.23515124715997734,
            "iIoU": 0.3084890099480581,
            "IoU_sup": 0.3660323857893789,
            "iIoU_sup": 0.42158192026934427,
        }
    )
    for name, value in OBJECT_OVERLAPS.items():
        assert found.per_class[name]["iIoU"] == pytest.approx(value)
    assert math.isnan(found.per_class["sidewalk"]["IoU"])
    assert "iIoU" not in found.per_class["road"]


def test_truth_has_a_precision_of_one(streets):
    dataset, ids = streets
    evaluator = CityscapesInstanceEvaluator(dataset)
    for record, own in zip(dataset.records, ids, strict=True):
        things = [a for a in record.annotations if not a.is_crowd]
        masks = np.stack([own == a.annotation_id for a in things])
        found = Instances(
            SIZE,
            pred_boxes=Boxes(torch.zeros(len(things), 4)),
            pred_classes=torch.tensor([a.category for a in things]),
            scores=torch.rand(len(things)),
            pred_masks=torch.from_numpy(masks),
        )
        evaluator.process([{"image_id": record.image_id}], [{"instances": found}])
    assert evaluator.results().flat()["cityscapes/AP"] == pytest.approx(1.0)


def test_an_evaluation_without_detections_is_zero(streets):
    dataset, _ = streets
    evaluator = CityscapesInstanceEvaluator(dataset)
    empty = Instances(
        SIZE,
        pred_boxes=Boxes(torch.zeros(0, 4)),
        pred_classes=torch.zeros(0, dtype=torch.long),
        scores=torch.zeros(0),
        pred_masks=torch.zeros(0, *SIZE).bool(),
    )
    evaluator.process(inputs_of(dataset), [{"instances": empty}] * len(dataset))
    assert evaluator.results().flat()["cityscapes/AP"] == 0.0


def test_an_unreadable_label_image_is_left_out(tmp_path):
    ids = draw_streets(tmp_path, num_images=2)
    dataset = cityscapes(folder=tmp_path, split="val", semantic=True)
    dataset.records[0].extra[cityscapes_classes.INSTANCE_IDS].write_bytes(b"no image")
    evaluator = CityscapesInstanceEvaluator(dataset)
    outputs = [{"instances": find_objects(one, 0)} for one in ids]
    evaluator.process(inputs_of(dataset), outputs)
    assert evaluator.results().num_images == 1
    with pytest.raises(InputError, match="cannot be read"):
        CityscapesPixelEvaluator(dataset, on_fault="refuse").process(
            inputs_of(dataset)[:1], [{"sem_seg": find_pixels(ids[0], 0)}]
        )


def test_other_datasets_are_refused():
    dataset = make_scenes().dataset
    with pytest.raises(InputError, match=r"\*_instanceIds.png"):
        make_evaluators(dataset, ["cityscapes"])
    with pytest.raises(InputError, match="semantic: true"):
        make_evaluators(dataset, ["cityscapes_sem_seg"])


def test_boxes_alone_are_refused(streets):
    dataset, _ = streets
    boxes = Instances(SIZE, pred_boxes=Boxes(torch.zeros(1, 4)), scores=torch.ones(1))
    boxes.set("pred_classes", torch.zeros(1, dtype=torch.long))
    with pytest.raises(InputError, match="needs 'pred_masks'"):
        CityscapesInstanceEvaluator(dataset).process(inputs_of(dataset)[:1], [{"instances": boxes}])
