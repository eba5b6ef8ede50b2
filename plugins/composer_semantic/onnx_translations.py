"""Semantic segmentation of one image in ONNX, in the image's own size."""

from __future__ import annotations

from composer.translation import Value


def translate_sem_seg_postprocess(
    op: Value, node: Value, logits: Value, images: Value, batch: Value
) -> Value:
    """Brings the logits to the resolution of the padded image, and cuts the padding off."""
    padded = op.Shape(images.tensor, start=2, end=4)
    sizes = op.Concat(op.Shape(logits, start=0, end=2), padded, axis=0)
    resized = op.Resize(
        logits, None, None, sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    cut = op.Slice(resized, [0, 0], op.Squeeze(images.sizes, [0]), [2, 3])
    return op.Squeeze(cut, [0])
