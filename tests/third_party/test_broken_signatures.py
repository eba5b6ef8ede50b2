"""Variants of the outside plugin's head whose signatures or constructors break the contract."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from composer_edge_masks.edge_mask_head import EdgeMaskHead, EdgeMasks
from torch import Tensor, nn

from composer.structures import RegionFeatures, TensorShape


class Small(EdgeMaskHead):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape, num_classes=5, channels=6, num_convs=1, dilations=(2,))


class WithoutAnnotation(Small):
    def forward(self, x) -> EdgeMasks:
        return super().forward(x)


class WithoutOutput(Small):
    def forward(self, x: RegionFeatures):
        return super().forward(x)


class WithArguments(Small):
    def forward(self, *xs: RegionFeatures) -> EdgeMasks:
        return super().forward(*xs)


class WithOptions(EdgeMaskHead):
    def __init__(self, *, x_shape: TensorShape, **options: int) -> None:
        super().__init__(x_shape=x_shape, **options)


class WithShapeOfNothing(Small):
    def __init__(self, *, features_shape: TensorShape) -> None:
        super().__init__(x_shape=features_shape)


class WithUnreadableAnnotation(Small):
    def forward(self, x: "Regionfeatures") -> EdgeMasks:
        return super().forward(x)


class WithRefusedDefault(Small):
    def __init__(
        self, *, x_shape: TensorShape, fusion: Literal["sum", "concatenation"] = "max"
    ) -> None:
        super().__init__(x_shape=x_shape)


class WithFunctionAsDefault(Small):
    def __init__(
        self, *, x_shape: TensorShape, activation: Callable[[Tensor], Tensor] = F.relu
    ) -> None:
        super().__init__(x_shape=x_shape)


class WithoutConstruction(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        raise KeyError("weights")


class WithRealMemory(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape)
        if self.to_edge.weight.is_meta:
            raise ValueError("no weights")


class WithOwnChance(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape)
        noise = np.random.default_rng().normal(size=self.to_edge.weight.shape)
        self.to_edge.weight.data.copy_(torch.as_tensor(noise))


class WithOtherShapeWithoutMemory(Small):
    @property
    def output_shape(self) -> TensorShape:
        return TensorShape(channels=9 if self.to_edge.weight.is_meta else 5)


class WithOneCopy(Small):
    def __deepcopy__(self, memo: dict) -> "WithOneCopy":
        raise TypeError("only one of me")


class WithEmptyCopy(Small):
    def __deepcopy__(self, memo: dict) -> nn.Module:
        return nn.Identity()


class WithOneStateOnly(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape)
        start = int(self.to_edge.weight.detach().abs().sum() * 1000)
        self.register_buffer(f"start_{start}", torch.zeros(()))


class WithHiddenWeights(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape)
        self.gains = [torch.rand(())]

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * self.gains[0])


class WithStrangeState(Small):
    def get_extra_state(self) -> str:
        return "notes"

    def set_extra_state(self, state: str) -> None:
        pass


BROKEN = {
    WithoutAnnotation: "`x` of forward has no type annotation",
    WithoutOutput: "forward has no return annotation",
    WithArguments: "forward takes *xs; a node type names every parameter",
    WithOptions: "__init__ takes **options; a node type names every parameter",
    WithShapeOfNothing: "`features_shape` of __init__ names no parameter of forward",
    WithUnreadableAnnotation: (
        "the annotations of forward cannot be read: name 'Regionfeatures' is not defined"
    ),
    WithRefusedDefault: (
        "the default of 'fusion', 'max', is refused by its own type: "
        "Input should be 'sum' or 'concatenation'"
    ),
    WithoutConstruction: "it cannot be built: KeyError: 'weights'",
    WithRealMemory: (
        "it can be built, but not without memory (on torch's meta device), where specs are "
        "checked: ValueError: no weights"
    ),
    WithOwnChance: (
        "built twice from one seed, it starts with other weights "
        "('state_dict['to_edge.weight']' has other values): "
        "draw them from torch's global generator"
    ),
    WithOtherShapeWithoutMemory: (
        "its output_shape is TensorShape(channels=5, height=None, width=None, stride=None), but "
        "TensorShape(channels=9, height=None, width=None, stride=None) on the meta device"
    ),
    WithEmptyCopy: (
        "a deep copy of it fails: TypeError: "
        "Identity.forward() got an unexpected keyword argument 'x'"
    ),
    WithOneCopy: "it cannot be deep-copied: TypeError: only one of me",
    WithHiddenWeights: (
        "another build that loaded its state dict returns another result: "
        "'output.mask_logits' has other values"
    ),
    WithStrangeState: (
        "its state dict holds '_extra_state', which is no tensor: checkpoints hold tensors"
    ),
}


@pytest.mark.parametrize("target", [EdgeMaskHead, Small])
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_sound_head_passes(find_reasons, target, mode):
    assert find_reasons(target, mode=mode) == []


@pytest.mark.parametrize(("target", "reason"), BROKEN.items())
def test_broken_head_fails_for_its_reason_alone(find_reasons, target, reason):
    assert find_reasons(target) == [reason]


def test_state_dict_of_names_that_vary_is_reported_with_the_names(find_reasons):
    (reason,) = find_reasons(WithOneStateOnly)
    assert reason.startswith("another build of it cannot load its state dict: RuntimeError: Error")
    assert 'Missing key(s) in state_dict: "start_' in reason


def test_function_as_configuration_is_told_for_its_type_and_for_its_default(find_reasons):
    type_reason, default_reason = find_reasons(WithFunctionAsDefault)
    assert type_reason.startswith("the configuration 'activation' is a Callable, which no spec")
    assert default_reason.endswith("cannot be written in a spec")
