import pytest
import torch

from composer.structures import TensorShape
from composer_rcnn.box_predictor import BoxPredictor


@pytest.mark.parametrize(("agnostic", "num_deltas"), [(False, 20), (True, 4)])
def test_there_is_a_logit_for_the_background_and_offsets_for_each_class_or_for_all(
    agnostic, num_deltas
):
    predictor = BoxPredictor(
        x_shape=TensorShape(channels=8), num_classes=5, cls_agnostic_bbox_reg=agnostic
    )
    class_logits, box_deltas = predictor(torch.rand(3, 8))
    assert class_logits.shape == (3, 6)
    assert box_deltas.shape == (3, num_deltas)
    assert predictor.output_shape == TensorShape(channels=6)


def test_rotated_boxes_have_five_offsets():
    predictor = BoxPredictor(x_shape=TensorShape(channels=8), num_classes=3, box_dim=5)
    assert predictor(torch.rand(2, 8)).box_deltas.shape == (2, 15)


def test_maps_are_flattened():
    predictor = BoxPredictor(x_shape=TensorShape(channels=2, height=3, width=4), num_classes=1)
    assert predictor(torch.rand(5, 2, 3, 4)).class_logits.shape == (5, 2)


def test_no_regions_have_no_predictions():
    predictor = BoxPredictor(x_shape=TensorShape(channels=8), num_classes=80)
    class_logits, box_deltas = predictor(torch.zeros(0, 8))
    assert (class_logits.shape, box_deltas.shape) == ((0, 81), (0, 320))


def test_its_weights_are_called_as_in_checkpoints_and_start_small():
    predictor = BoxPredictor(x_shape=TensorShape(channels=256), num_classes=80)
    layers = ("cls_score", "bbox_pred")
    assert list(predictor.state_dict()) == [f"{n}.{k}" for n in layers for k in ("weight", "bias")]
    assert predictor.cls_score.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert predictor.bbox_pred.weight.std().item() == pytest.approx(0.001, rel=0.05)


def test_the_size_of_its_input_must_be_known():
    with pytest.raises(ValueError, match="not known"):
        BoxPredictor(x_shape=TensorShape(height=7), num_classes=80)
