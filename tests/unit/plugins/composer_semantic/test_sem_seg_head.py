import pytest
import torch
import torch.nn.functional as F

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_semantic.sem_seg_head import SemSegFPNHead

SHAPES = {f"p{level}": TensorShape(channels=8, stride=2**level) for level in (2, 3, 4, 5)}
FEATURES = {
    name: torch.rand(2, 8, 64 // shape.stride, 96 // shape.stride) for name, shape in SHAPES.items()
}
SMALL = {"num_classes": 5, "convs_dim": 32}


def build(**options):
    return SemSegFPNHead(**{"features_shape": SHAPES, **SMALL, **options})


def test_every_class_has_a_logit_at_the_common_stride():
    head = build()
    assert head(FEATURES).shape == (2, 5, 16, 24)
    assert head.output_shape == TensorShape(channels=5, stride=4)


def test_levels_are_added_at_the_common_stride():
    head = build(in_features=("p2", "p3"), norm="")
    fine, coarse = (
        F.relu(F.conv2d(FEATURES[name], conv.weight, conv.bias, padding=1))
        for name, conv in (("p2", head.p2[0]), ("p3", head.p3[0]))
    )
    doubled = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(head(FEATURES), head.predictor(fine + doubled))


@pytest.mark.parametrize(
    ("common_stride", "convolutions"), [(4, [1, 1, 2, 3]), (2, [1, 2, 3, 4]), (1, [2, 3, 4, 5])]
)
def test_a_level_is_convolved_before_each_doubling(common_stride, convolutions):
    head = build(common_stride=common_stride)
    for (name, stride), count in zip(
        ((name, shape.stride) for name, shape in SHAPES.items()), convolutions, strict=True
    ):
        keys = {key.split(".")[1] for key in head.state_dict() if key.startswith(f"{name}.")}
        step = 1 if stride == common_stride else 2
        assert keys == {str(step * index) for index in range(count)}
    assert head(FEATURES).shape[-2:] == (64 // common_stride, 96 // common_stride)


def test_weights_are_called_as_in_checkpoints():
    keys = set(build().state_dict())
    convs = ["p2.0", "p3.0", "p4.0", "p4.2", "p5.0", "p5.2", "p5.4"]
    names = {f"{conv}.{part}" for conv in convs for part in ("weight", "norm.weight", "norm.bias")}
    assert keys == names | {"predictor.weight", "predictor.bias"}


def test_without_a_normalisation_convolutions_have_biases():
    assert "p2.0.bias" in build(norm="").state_dict()


def test_no_images_have_logits_of_no_images():
    features = {name: map_[:0] for name, map_ in FEATURES.items()}
    assert build()(features).shape == (0, 5, 16, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"common_stride": 8}, r"'p2' has a stride of 4, .* common stride of 8"),
        ({"common_stride": 3}, "cannot be halved"),
        ({"features_shape": {"p2": TensorShape(channels=8)}}, "stride of level 'p2'"),
        ({"features_shape": {"p2": TensorShape(stride=4)}}, "channels of 'p2'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_it_keeps_the_contract_of_node_types(mode):
    check_node_type(
        SemSegFPNHead, {"features": FEATURES}, config=SMALL, shapes={"features": SHAPES}, mode=mode
    )
