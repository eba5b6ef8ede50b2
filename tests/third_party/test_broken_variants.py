"""The outside plugin's head conforms; broken variants of it fail, each for its reason."""

import math
import random
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from composer_edge_masks.edge_mask_head import EdgeLogits, EdgeMaskHead, EdgeMasks
from torch import Tensor, nn

from composer import ConformanceError
from composer.structures import MaskLogits, RegionFeatures, TensorShape
from composer.testing import check_node_type, random_regions

POOLED = TensorShape(channels=8, height=14, width=14)
CONFIG = {"num_classes": 5, "channels": 6, "num_convs": 2}


class WithoutAnnotation(EdgeMaskHead):
    def forward(self, x) -> EdgeMasks:
        return super().forward(x)


class WithoutOutput(EdgeMaskHead):
    def forward(self, x: RegionFeatures):
        return super().forward(x)


class WithArguments(EdgeMaskHead):
    def forward(self, *xs: RegionFeatures) -> EdgeMasks:
        return super().forward(*xs)


class WithOptions(EdgeMaskHead):
    def __init__(self, *, x_shape: TensorShape, **options: int) -> None:
        super().__init__(x_shape=x_shape, **options)


class WithShapeOfNothing(EdgeMaskHead):
    def __init__(self, *, features_shape: TensorShape, num_classes: int = 80) -> None:
        super().__init__(x_shape=features_shape, num_classes=num_classes)


class WithUnreadableAnnotation(EdgeMaskHead):
    def forward(self, x: "Regionfeatures") -> EdgeMasks:
        return super().forward(x)


class WithRefusedDefault(EdgeMaskHead):
    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: int = 80,
        channels: int = 256,
        num_convs: int = 4,
        fusion: Literal["sum", "concat"] = "max",
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )


class WithFunctionAsDefault(EdgeMaskHead):
    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: int = 80,
        channels: int = 256,
        num_convs: int = 4,
        activation: Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )


class WithoutConstruction(EdgeMaskHead):
    def __init__(self, *, x_shape: TensorShape, num_classes: int, channels: int, num_convs: int):
        raise KeyError("weights")


class WithRealMemory(EdgeMaskHead):
    def __init__(
        self, *, x_shape: TensorShape, num_classes: int, channels: int, num_convs: int
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )
        if self.to_edge.weight.is_meta:
            raise ValueError("no weights")


class WithOwnChance(EdgeMaskHead):
    def __init__(
        self, *, x_shape: TensorShape, num_classes: int, channels: int, num_convs: int
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )
        noise = np.random.default_rng().normal(size=self.to_edge.weight.shape)
        self.to_edge.weight.data.copy_(torch.as_tensor(noise))


class ChangingItsInput(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(F.relu(x, inplace=True))


class WritingEqualValues(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x.mul_(1))


class Counting(EdgeMaskHead):
    def __init__(
        self, *, x_shape: TensorShape, num_classes: int, channels: int, num_convs: int
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )
        self.register_buffer("num_runs", torch.zeros(()))

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        self.num_runs += 1
        return super().forward(x)


class Remembering(EdgeMaskHead):
    runs = 0

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        self.runs += 1
        return super().forward(x + self.runs)


class Failing(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        raise IndexError("no level 7")


class DroppingOut(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(F.dropout(x, 0.5))


class DroppingOutBesideItsGenerator(EdgeMaskHead):
    def forward(self, x: RegionFeatures, generator: torch.Generator) -> EdgeMasks:
        return super().forward(F.dropout(x, 0.5))


class TossingCoins(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * random.random())


class DrawingFromNumpy(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * float(np.random.rand()))


class DrawingFromNowhere(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * float(np.random.default_rng().normal()))


class WithSwappedOutputs(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        masks, edges = super().forward(x)
        return EdgeMasks(edges, masks)


class WithPlainTuple(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return tuple(super().forward(x))


class WithOneRegionLess(EdgeMaskHead):
    def forward(self, x: RegionFeatures) -> MaskLogits:
        return super().forward(x).mask_logits[1:]


class ForVectors(EdgeMaskHead):
    def forward(self, x: EdgeLogits) -> EdgeMasks:
        return super().forward(x)


class WithWrongShape(EdgeMaskHead):
    @property
    def output_shape(self) -> TensorShape:
        return POOLED


class WithoutShape(nn.Module):
    def __init__(self, *, x_shape: TensorShape, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(x_shape.channels or math.nan, channels, 1)

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        return self.conv(x)


class WithOneCopy(EdgeMaskHead):
    def __deepcopy__(self, memo: dict) -> "WithOneCopy":
        raise TypeError("only one of me")


class WithHiddenWeights(EdgeMaskHead):
    def __init__(
        self, *, x_shape: TensorShape, num_classes: int, channels: int, num_convs: int
    ) -> None:
        super().__init__(
            x_shape=x_shape, num_classes=num_classes, channels=channels, num_convs=num_convs
        )
        self.gain = [torch.rand(())]

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * self.gain[0])


class WithStrangeState(EdgeMaskHead):
    def get_extra_state(self) -> str:
        return "notes"

    def set_extra_state(self, state: str) -> None:
        pass


BROKEN = [
    (WithoutAnnotation, "`x` of forward has no type annotation"),
    (WithoutOutput, "forward says nothing about what it returns: annotate it"),
    (WithArguments, "forward takes *xs; a node type names every parameter"),
    (WithOptions, "__init__ takes *options; a node type names every parameter"),
    (WithShapeOfNothing, "`features_shape` of __init__ names no parameter of forward"),
    (
        WithUnreadableAnnotation,
        "the annotations of forward cannot be read: name 'Regionfeatures' is not defined",
    ),
    (
        WithRefusedDefault,
        "the default of 'fusion', 'max', is refused by its own type: "
        "Input should be 'sum' or 'concat'",
    ),
    (WithFunctionAsDefault, "the configuration 'activation' is a Callable, which no spec can hold"),
    (WithFunctionAsDefault, "cannot be written in a spec"),
    (WithoutConstruction, "it cannot be built: KeyError: 'weights'"),
    (
        WithRealMemory,
        "it can be built, but not without memory (on torch's meta device), where specs are "
        "checked: ValueError: no weights",
    ),
    (
        WithOwnChance,
        "built twice from one seed, it starts with other weights "
        "('state_dict['to_edge.weight']' has other values): "
        "draw them from torch's global generator",
    ),
    (Failing, "it fails on these inputs: IndexError: no level 7"),
    (ChangingItsInput, "it changes what it receives: 'x' has other values"),
    (
        WritingEqualValues,
        "it changes what it receives: 'x' was written to in place, "
        "though with equal values this time",
    ),
    (
        Counting,
        "a run in inference mode changes the module itself: 'num_runs' has other values",
    ),
    (
        Remembering,
        "a second run on equal inputs gives another result: 'output.mask_logits' has other values",
    ),
    (
        DroppingOut,
        "it draws from torch's global generator: "
        "take a `generator: torch.Generator` and draw from that",
    ),
    (
        DroppingOutBesideItsGenerator,
        "it draws from torch's global generator: draw from the `generator` that it is given alone",
    ),
    (TossingCoins, "its result depends on Python's or numpy's global generator: take a"),
    (DrawingFromNumpy, "its result depends on Python's or numpy's global generator: take a"),
    (
        DrawingFromNowhere,
        "a second run on equal inputs gives another result: 'output.mask_logits' has other values",
    ),
    (
        WithSwappedOutputs,
        "the output 'edge_logits' is of type Tensor (3x5x28x28 float32), "
        "but annotated as EdgeLogits: Float[Tensor, 'R 1 _ _']",
    ),
    (
        WithPlainTuple,
        "it returns something of type tuple (3x5x28x28 float32 | 3x1x28x28 float32), "
        "not a named tuple of (mask_logits, edge_logits)",
    ),
    (
        WithOneRegionLess,
        "the output is of type Tensor (2x5x28x28 float32), but annotated as MaskLogits: "
        "Float[Tensor, 'R _ _ _']: its letters stand for other sizes in the ports before it",
    ),
    (
        ForVectors,
        "the input 'x' is of type Tensor (3x8x14x14 float32), "
        "but annotated as EdgeLogits: Float[Tensor, 'R 1 _ _']",
    ),
    (WithWrongShape, "output_shape says 8 channels, the output has 5"),
    (WithWrongShape, "output_shape says 14 rows, the output has 28"),
    (
        WithoutShape,
        "without output_shape, the output is taken to have the shape of 'x', "
        "with 8 channels, it has 6",
    ),
    (WithOneCopy, "it cannot be deep-copied: TypeError: only one of me"),
    (
        WithHiddenWeights,
        "another build that loaded its state dict gives another result: "
        "'output.mask_logits' has other values",
    ),
    (
        WithStrangeState,
        "its state dict holds '_extra_state', which is no tensor: checkpoints hold tensors",
    ),
]


def try_out(target, **options):
    config = {"channels": 6} if target is WithoutShape else CONFIG
    inputs = {"x": random_regions(POOLED)}
    check_node_type(target, inputs, config=config, shapes={"x": POOLED}, **options)


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_sound_head_passes(mode):
    try_out(EdgeMaskHead, mode=mode)


@pytest.mark.parametrize(("target", "reason"), BROKEN)
def test_broken_variant_fails_for_its_reason(target, reason):
    with pytest.raises(ConformanceError) as error:
        try_out(target)
    assert reason in str(error.value)
    assert str(error.value).startswith(f"{target.__name__} breaks the contract of node types:\n")


SEVERAL = {WithFunctionAsDefault: 2, WithSwappedOutputs: 2, WithWrongShape: 3}


@pytest.mark.parametrize("target", dict.fromkeys(target for target, _ in BROKEN))
def test_broken_variant_fails_for_no_other_reason(target):
    with pytest.raises(ConformanceError) as error:
        try_out(target)
    assert len(error.value.reasons) == SEVERAL.get(target, 1), str(error.value)


def test_failure_keeps_its_cause():
    with pytest.raises(ConformanceError) as error:
        try_out(Failing)
    assert isinstance(error.value.__cause__, IndexError)


def test_statistics_that_training_updates_are_no_fault():
    try_out(Counting, mode="training")


def test_all_that_is_wrong_is_told_at_once():
    class Several(WithRefusedDefault):
        @property
        def output_shape(self) -> TensorShape:
            return POOLED

        def forward(self, x: RegionFeatures) -> EdgeMasks:
            return EdgeMasks(*super().forward(F.dropout(x.relu_())))

    with pytest.raises(ConformanceError) as error:
        try_out(Several)
    text = str(error.value)
    for part in ("default of 'fusion'", "changes what it receives", "global generator", "28"):
        assert part in text


class Sampling(EdgeMaskHead):
    def forward(self, x: RegionFeatures, generator: torch.Generator) -> EdgeMasks:
        noise = torch.rand(x.shape, generator=generator)
        return super().forward(x + noise)


def test_head_that_draws_from_its_generator_passes():
    try_out(Sampling)
