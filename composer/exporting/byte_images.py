"""Images of bytes, in files whose model takes bytes times the scale of its spec.

Whole detectors take uint8, whatever the spec makes of the bytes of an image file: the file
multiplies them itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from composer.blueprint import Slot
from composer.language import Spec
from composer.structures import ImageBatch


def find_scales(
    spec: Spec, slots: Collection[Slot], examples: Sequence[Mapping[Slot, Any]]
) -> dict[Slot, float]:
    """The scales of slots whose images are bytes times the scale of their input in all runs.

    Args:
        spec: the spec.
        slots: the slots that enter a file.
        examples: values by slot of some runs.
    """
    found: dict[Slot, float] = {}
    for slot in slots:
        declared = spec.graph.inputs.get(slot.path)
        batches = [example[slot] for example in examples]
        if declared is None or not all(isinstance(batch, ImageBatch) for batch in batches):
            continue
        scale, images = declared.image.scale, [image for each in batches for image in each.images]
        if images and scale != 1 and all(_is_of_bytes(image, scale) for image in images):
            found[slot] = scale
    return found


def to_bytes(image: Tensor, scale: float) -> Tensor:
    """The bytes that an image was made of.

    Args:
        image: bytes times the scale.
        scale: the scale.
    """
    return (image / scale).round().clamp(0, 255).to(torch.uint8)


def _is_of_bytes(image: Tensor, scale: float) -> bool:
    if image.dtype != torch.float32:
        return False
    return torch.equal(to_bytes(image, scale).float() * scale, image)
