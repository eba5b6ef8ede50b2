"""Remarks on images whose values are of another range than the model expects, or no numbers."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from composer.blueprint import Slot
from composer.language import Spec
from composer.structures import ImageBatch

_BYTES = 255.0
_SLACK = 1.5  # of a range that ends at 1
_NORMALISED = 10.0  # standard deviations that images have pixels within
_log = logging.getLogger(__name__)


class PixelScale:
    """Compares the values of images with the range that a spec reads image files in.

    A remark is logged once per graph: a dark image may be of either range.

    Args:
        spec: the spec.
    """

    def __init__(self, spec: Spec) -> None:
        inputs = spec.graph.inputs.items()
        self._largest = {name: _BYTES * declared.image.scale for name, declared in inputs}
        self._is_told = False

    def check(self, values: Mapping[Slot, Any]) -> None:
        """Logs a remark if images are of another range.

        Args:
            values: the values of a request by slot.
        """
        if self._is_told or torch.compiler.is_compiling():
            return
        for slot, value in values.items():
            if isinstance(value, ImageBatch) and slot.path in self._largest:
                self._check_batch(value, self._largest[slot.path])

    def _check_batch(self, batch: ImageBatch, largest: float) -> None:
        for number, image in enumerate(batch.images):
            remark = _describe(image, largest)
            if remark and not self._is_told:
                self._is_told = True
                _log.warning("record %d: %s", number, remark)


def _describe(image: Tensor, largest: float) -> str:
    if image.is_meta or not image.numel():
        return ""
    low, high = (end.item() for end in image.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        return "'image' has NaN or infinite values, and so will what is computed from it"
    if largest > _SLACK and image.is_floating_point() and low >= 0 and 0 < high <= 1:
        return (
            f"the values of 'image' are from {low:.2g} to {high:.2g}, and this model takes "
            f"0 to {largest:g}: `image * {largest:g}`?"
        )
    if low < 0 and high <= _NORMALISED:
        return (
            f"the values of 'image' are from {low:.2g} to {high:.2g}: are they normalised? This "
            f"model takes 0 to {largest:g}, and normalises them itself"
        )
    if largest <= _SLACK and high > _SLACK:
        return (
            f"the values of 'image' reach {high:.3g}, and this model takes 0 to {largest:g}: "
            f"`image.float() / {_BYTES / largest:g}`?"
        )
    return ""
