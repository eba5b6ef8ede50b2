"""Variants of the outside plugin's head that break the contract when they run."""

import random
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from composer_edge_masks.edge_mask_head import EdgeLogits, EdgeMaskHead, EdgeMasks
from torch import nn

from composer import ConformanceError
from composer.structures import MaskLogits, RegionFeatures, TensorShape
from composer.testing import check_node_type, random_regions

POOLED = TensorShape(channels=8, height=14, width=14)


class Small(EdgeMaskHead):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape, num_classes=5, channels=6, num_convs=1, dilations=(2,))


class Failing(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        raise IndexError("no level 7")


class ChangingItsInput(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(F.relu(x, inplace=True))


class WritingEqualValues(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x.mul_(1))


class Counting(Small):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__(x_shape=x_shape)
        self.register_buffer("num_runs", torch.zeros(()))

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        self.num_runs += 1
        return super().forward(x)


class Remembering(Small):
    num_runs = 0

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        self.num_runs += 1
        return super().forward(x + self.num_runs)


class RunningOnce(Small):
    has_run = False

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        if self.has_run:
            raise RuntimeError("worn out")
        self.has_run = True
        return super().forward(x)


class Drawing(Small):
    def forward(self, x: RegionFeatures, generator: torch.Generator) -> EdgeMasks:
        return super().forward(x + torch.rand(x.shape, generator=generator))


class DroppingOut(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(F.dropout(x, 0.5))


class DroppingOutBesideItsGenerator(Small):
    def forward(self, x: RegionFeatures, generator: torch.Generator) -> EdgeMasks:
        return super().forward(F.dropout(x, 0.5))


class DrawingFromPython(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * random.random())


class DrawingFromNumpy(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * float(np.random.rand()))


class DrawingFromNowhere(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return super().forward(x * float(np.random.default_rng().normal()))


class WithSwappedOutputs(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        masks, edges = super().forward(x)
        return EdgeMasks(edges, masks)


class WithPlainTuple(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return tuple(super().forward(x))


class WithNothing(Small):
    def forward(self, x: RegionFeatures) -> EdgeMasks:
        super().forward(x)


class WithOneRegionLess(Small):
    def forward(self, x: RegionFeatures) -> MaskLogits:
        return super().forward(x).mask_logits[1:]


class ForOutlines(Small):
    def forward(self, x: EdgeLogits) -> EdgeMasks:
        return super().forward(x)


class WithWrongShape(Small):
    @property
    def output_shape(self) -> TensorShape:
        return POOLED


class WithoutShape(nn.Module):
    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__()
        self.conv = nn.Conv2d(x_shape.channels or 0, 6, 1)

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        return self.conv(x)


class WrongInManyWays(Small):
    def __init__(self, *, x_shape: TensorShape, fusion: Literal["sum"] = "max") -> None:
        super().__init__(x_shape=x_shape)

    @property
    def output_shape(self) -> TensorShape:
        return TensorShape(channels=1)

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        return EdgeMasks(*super().forward(F.dropout(x.relu_())))


OTHER_MASKS = "'output.mask_logits' has other values"
TAKE_ONE = "take a `generator: torch.Generator` and draw from that"
USE_IT = "draw from the `generator` that it is given alone"

BROKEN = {
    Failing: "it fails on these inputs: IndexError: no level 7",
    ChangingItsInput: "it changes what it receives: 'x' has other values",
    WritingEqualValues: (
        "it changes what it receives: 'x' was written to in place, "
        "though with equal values this time"
    ),
    Counting: "a run in inference mode changes the module itself: 'num_runs' has other values",
    Remembering: f"a second run on equal inputs returns another result: {OTHER_MASKS}",
    RunningOnce: "a second run on equal inputs fails: RuntimeError: worn out",
    DroppingOut: f"it draws from torch's global generator: {TAKE_ONE}",
    DroppingOutBesideItsGenerator: f"it draws from torch's global generator: {USE_IT}",
    DrawingFromPython: f"its result depends on Python's or numpy's global generator: {TAKE_ONE}",
    DrawingFromNumpy: f"its result depends on Python's or numpy's global generator: {TAKE_ONE}",
    DrawingFromNowhere: f"a second run on equal inputs returns another result: {OTHER_MASKS}",
    WithPlainTuple: (
        "it returns a value of type tuple (3x5x28x28 float32 | 3x1x28x28 float32), "
        "not a named tuple of (mask_logits, edge_logits)"
    ),
    WithNothing: "it returns None, not a named tuple of (mask_logits, edge_logits)",
    WithOneRegionLess: (
        "the output is a value of type Tensor (2x5x28x28 float32), but annotated as MaskLogits: "
        "Float[Tensor, 'R _ _ _']: its letters stand for other sizes in the ports before it"
    ),
    ForOutlines: (
        "the input 'x' is a value of type Tensor (3x8x14x14 float32), "
        "but annotated as EdgeLogits: Float[Tensor, 'R 1 _ _']"
    ),
    WithoutShape: (
        "without output_shape, the output is taken to have the shape of 'x', "
        "with 8 channels, it has 6"
    ),
}


@pytest.mark.parametrize(("target", "reason"), BROKEN.items())
def test_broken_head_fails_for_its_reason_alone(find_reasons, target, reason):
    assert find_reasons(target) == [reason]


def test_head_that_draws_from_its_generator_passes(find_reasons):
    assert find_reasons(Drawing) == []


def test_statistics_that_training_updates_are_no_fault(find_reasons):
    assert find_reasons(Counting, mode="training") == []


def test_swapped_outputs_are_told_by_their_type_and_their_shape(find_reasons):
    assert find_reasons(WithSwappedOutputs) == [
        "the output 'edge_logits' is a value of type Tensor (3x5x28x28 float32), "
        "but annotated as EdgeLogits: Float[Tensor, 'R 1 _ _']",
        "output_shape says 5 channels, the output has 1",
    ]


def test_wrong_shape_is_told_side_by_side(find_reasons):
    assert find_reasons(WithWrongShape) == [
        "output_shape says 8 channels, the output has 5",
        "output_shape says 14 rows, the output has 28",
        "output_shape says 14 columns, the output has 28",
    ]


def test_all_that_is_wrong_is_told_at_once(find_reasons):
    reasons = find_reasons(WrongInManyWays)
    assert [reason.partition(" 'max'")[0].partition(":")[0] for reason in reasons] == [
        "the default of 'fusion',",
        "it changes what it receives",
        "it draws from torch's global generator",
        "output_shape says 1 channels, the output has 5",
    ]


def test_failure_names_the_node_type_and_keeps_its_cause():
    with pytest.raises(ConformanceError, match=r"^Failing breaks the contract of") as error:
        check_node_type(Failing, {"x": random_regions(POOLED)}, shapes={"x": POOLED})
    assert isinstance(error.value.__cause__, IndexError)
