"""Class logits scaled from the padded images to the requested size."""

import torch.nn.functional as F

from composer.structures import ImageBatch, ImageList, SemanticLogits, SemanticScores
from composer.translation import translated_by


@translated_by("composer_semantic.onnx_translations:translate_sem_seg_postprocess")
def sem_seg_postprocess(
    logits: SemanticLogits, images: ImageList, batch: ImageBatch
) -> list[SemanticScores]:
    """Brings each image's logits to the height and width that its record asks for.

    They are first brought to the resolution of the network's images, where the padding is cut off.

    Args:
        logits: of every place of the padded images.
        images: for their sizes, with and without padding.
        batch: the records with `height` and `width`.

    Returns:
        Per image, C x H x W in the requested resolution.

    Raises:
        ValueError: the numbers of records and images differ.
    """
    if len(batch) != len(images):
        raise ValueError(f"Records of {len(batch)} images for {len(images)} images.")
    padded_size = (images.tensor.shape[-2], images.tensor.shape[-1])
    scores: list[SemanticScores] = []
    sizes = zip(images.image_sizes, batch.output_sizes, strict=True)
    for image, ((height, width), output_size) in enumerate(sizes):
        resized = _resize(logits[image : image + 1], padded_size)
        scores.append(_resize(resized[:, :, :height, :width], output_size)[0])
    return scores


def _resize(maps: SemanticLogits, size: tuple[int, int]) -> SemanticLogits:
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
