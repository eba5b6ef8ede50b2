import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from composer.errors import InputError
from composer.language import SpecMetadata
from composer.prediction import Prediction, Predictor
from composer.structures import Boxes, Instances, PanopticSegmentation, RotatedBoxes
from composer.visualization import ClassNames

SIZE = (60, 80)
NAMES = SpecMetadata(thing_classes=("cat", "dog"), stuff_classes=("sky",))


def image():
    return Image.new("RGB", SIZE[::-1], (90, 90, 90))


def predict(file_name="pets.jpg", **fields):
    usual = {
        "pred_boxes": Boxes([[10.0, 20.0, 40.0, 50.0], [0.0, 0.0, 80.0, 60.0]]),
        "scores": torch.tensor([0.75, 0.5]),
        "pred_classes": torch.tensor([1, 0]),
    }
    instances = Instances(SIZE, **{**usual, **fields})
    return Prediction({"instances": instances}, image(), NAMES, file_name)


def test_classes_have_names():
    found = predict()
    assert found.class_names == ["dog", "cat"]
    assert repr(found) == "Prediction(pets.jpg: 1 dog, 1 cat)"
    assert predict(None, pred_classes=torch.tensor([1, 1])).summary() == "2 dogs"
    assert predict(pred_classes=torch.tensor([7, 1])).class_names == ["class 7", "dog"]


def test_it_is_read_like_the_outputs_of_a_graph():
    found = predict()
    assert found["instances"] is found.instances
    assert "instances" in found
    assert "sem_seg" not in found


def test_entries_of_coco_have_the_numbers_and_the_names():
    first, second = predict().to_coco(image_id=9)
    assert first == {
        "image_id": 9,
        "file_name": "pets.jpg",
        "category_id": 2,
        "category_name": "dog",
        "bbox": [10.0, 20.0, 30.0, 30.0],
        "score": 0.75,
    }
    assert (second["category_id"], second["category_name"]) == (1, "cat")
    assert "file_name" not in predict(None).to_coco()[0]
    numbered = SpecMetadata(thing_classes=("cat", "dog"), thing_ids=(17, 18))
    entries = replace(predict(), metadata=numbered).to_coco()
    assert [entry["category_id"] for entry in entries] == [18, 17]


def test_names_are_looked_up_once_for_all_entries(monkeypatch):
    found, numbers = predict(), []

    def note(_names, number):
        numbers.append(number)
        return str(number)

    monkeypatch.setattr(ClassNames, "name_thing", note)
    assert [entry["category_name"] for entry in found.to_coco()] == ["1", "0"]
    assert numbers == [1, 0]


def test_masks_and_keypoints_of_coco_are_those_of_the_instances():
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 20:50, 10:40] = True
    keypoints = torch.tensor([[[3.5, 4.5, 0.9]], [[1.5, 2.5, 0.1]]])
    entries = json.loads(json.dumps(predict(pred_masks=masks, pred_keypoints=keypoints).to_coco()))
    for mask, entry in zip(masks, entries, strict=True):
        assert np.array_equal(coco_mask.decode(entry["segmentation"]).astype(bool), mask.numpy())
    assert entries[0]["keypoints"] == pytest.approx([3, 4, 0.9])


def test_rotated_boxes_have_five_numbers():
    boxes = RotatedBoxes([[30.0, 30.0, 20.0, 10.0, 45.0], [30.0, 30.0, 20.0, 10.0, 0.0]])
    found = predict(pred_boxes=boxes)
    assert found.to_coco()[0]["bbox"] == [30.0, 30.0, 20.0, 10.0, 45.0]
    assert found.instances.pred_boxes is boxes


def test_results_are_saved_as_a_visualization_or_as_data(tmp_path):
    found = predict()
    image = found.save(tmp_path / "deep" / "pets.png")
    with Image.open(image) as saved:
        assert np.array_equal(np.array(saved), np.array(found.draw()))
    data = found.save(tmp_path / "pets.json")
    assert json.loads(data.read_text()) == found.to_coco()
    with pytest.raises(InputError, match=r"pets.xyz: .*\.jpg and \.png are images"):
        found.save(tmp_path / "pets.xyz")


def test_whatever_a_model_gives_is_drawn():
    plain = np.array(image())
    ids = torch.zeros(SIZE, dtype=torch.int32)
    ids[:30] = 4
    segments = [{"id": 4, "category_id": 0, "isthing": False}]
    proposals = Instances(SIZE, proposal_boxes=Boxes([[10.0, 20.0, 40.0, 50.0]]))
    for outputs in (
        {"instances": predict().instances},
        {"panoptic_seg": PanopticSegmentation(ids, segments)},
        {"sem_seg": torch.rand(2, *SIZE)},
        {"proposals": proposals},
    ):
        drawn = Prediction(outputs, image(), NAMES).draw(scale=1)
        assert (np.array(drawn) != plain).any()


def test_without_anything_to_draw_or_instances_it_says_so():
    found = Prediction({"embedding": torch.rand(3)}, image())
    assert found.summary() == "embedding"
    with pytest.raises(InputError, match="without anything to draw: embedding"):
        found.draw()
    with pytest.raises(InputError, match="no 'instances'; they have 'embedding'"):
        found.to_coco()


def test_nothing_found_is_said_and_drawn():
    found = predict()
    empty = Prediction({"instances": found.instances[[]]}, image(), NAMES)
    assert empty.summary() == "nothing found"
    assert empty.to_coco() == []
    assert np.array_equal(np.array(empty.draw(scale=1)), np.array(image()))


@pytest.fixture
def supervision():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "OpenCV", UserWarning)
        return pytest.importorskip("supervision")


def test_supervision_takes_predictions_and_outputs_of_graphs(checkpoint, supervision):
    predictor = Predictor(checkpoint, score_threshold=0.0)
    found = predictor(image())
    for results in (found, dict(found.outputs)):
        detections = supervision.Detections.from_detectron2(results)
        assert len(detections) == len(found.instances) > 0
        assert np.array_equal(detections.xyxy, found.instances.pred_boxes.tensor.numpy())
        assert np.array_equal(detections.confidence, found.instances.scores.numpy())
        assert np.array_equal(detections.class_id, found.instances.pred_classes.numpy())
        assert np.array_equal(detections.mask, found.instances.pred_masks.numpy())
    boxes_only = supervision.Detections.from_detectron2(predict())
    assert boxes_only.mask is None


def test_a_notebook_shows_the_picture_and_a_table():
    shown = predict()._repr_html_()
    assert "data:image/jpeg;base64," in shown
    assert "pets.jpg: 1 dog, 1 cat" in shown
    for cell in ("dog", "cat"):
        assert f">{cell}</td>" in shown
