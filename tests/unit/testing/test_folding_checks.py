"""The conformance check compares the forms for inference with the module itself."""

import pytest
import torch
from torch import Tensor, nn

from composer.errors import ConformanceError
from composer.layers import NormConv2d, Optimization, fold_norms
from composer.structures import RegionFeatures, TensorShape
from composer.testing import check_node_type, random_regions

REGIONS = TensorShape(channels=4, height=6, width=6)


class Branch(nn.Module):
    """Convolutions with normalisations, which keep the shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = NormConv2d(4, 4, 3, padding=1, norm="BN", activation=torch.relu)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference."""
        return Optimization(fold=fold_norms, channels_last=True, lower_precision=True)

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        """Returns the features."""
        return self.conv(x)


def check(kind):
    check_node_type(kind, {"x": random_regions(REGIONS)})


def assert_reason(kind, text):
    with pytest.raises(ConformanceError, match=text):
        check(kind)


def changed(fold=None, **options):
    """The same branch, which says something else of itself."""

    class Changed(Branch):
        @classmethod
        def optimization(cls) -> Optimization:
            return Optimization(fold=fold, **options)

    return Changed


def without_mean(module):
    """A fold that forgets the mean, which is 0 at first."""
    with torch.no_grad():
        module.conv.norm.running_mean = torch.zeros(4)
    return fold_norms(module)


def writing(module):
    """A fold that writes to the tensors that it shares."""
    with torch.no_grad():
        module.conv.weight.mul_(2.0)
    return module


def failing(module):
    """A fold that fails."""
    raise KeyError("conv")


class Flat(nn.Module):
    """A module of another shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns vectors."""
        return x.flatten(1)


def test_what_fold_norms_makes_is_the_same():
    check(Branch)


def test_a_statistic_that_is_forgotten_shows():
    assert_reason(changed(without_mean), "folded for inference, 'output' is off by")


def test_a_fold_writes_to_no_tensor():
    assert_reason(changed(writing), "folding changes the module itself: .*conv.weight")


def test_a_fold_that_fails_is_a_reason():
    assert_reason(changed(failing), "cannot be folded for inference: KeyError: 'conv'")


def test_another_shape_is_a_reason():
    assert_reason(changed(lambda _: Flat()), "'output' has the shapes")


def test_a_port_that_is_not_there_is_a_reason():
    assert_reason(changed(float32_outputs=("boxes",)), "names the output port 'boxes'")


def test_code_that_fails_in_bfloat16_is_a_reason():
    class Upright(Branch):
        def forward(self, x: RegionFeatures) -> RegionFeatures:
            return self.conv(x) @ torch.eye(6)

    assert_reason(Upright, "fails in bfloat16: RuntimeError")


def test_a_view_of_maps_with_channels_last_fails():
    class Viewed(Branch):
        def forward(self, x: RegionFeatures) -> RegionFeatures:
            return self.conv(x).view(len(x), -1).reshape(x.shape)

    assert_reason(Viewed, "fails folded for inference: RuntimeError: .*view")


def test_training_has_no_such_forms():
    check_node_type(changed(failing), {"x": random_regions(REGIONS)}, mode="training")


def doubling(module):
    """A preparation that changes a weight."""
    with torch.no_grad():
        module.conv.weight.mul_(2.0)


def test_a_preparation_for_channels_last_keeps_weights_and_values():
    check(changed(train_channels_last=lambda _: None))
    assert_reason(changed(train_channels_last=doubling), "weights change when it is prepared")
    assert_reason(changed(train_channels_last=doubling), "channels last, 'output' is off by")
    assert_reason(changed(train_channels_last=failing), "fails prepared .*conv")
