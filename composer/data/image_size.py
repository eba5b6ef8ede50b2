"""Image sizes that replace the size of a model's spec."""

from __future__ import annotations

from composer.errors import InputError
from composer.language import ImageFormat

ImageSize = int | tuple[int, int]


def with_size(image_format: ImageFormat, size: ImageSize | None) -> ImageFormat:
    """The same format with another size.

    Args:
        image_format: the model's image format.
        size: pixels of the shorter side, to which the limit of the longer one is adapted in
            proportion; or of the shorter side and the longer one's limit, 0 for none; or None,
            which changes nothing. A shorter side of 0 leaves images as they are.

    Raises:
        InputError: a size is negative, or the limit is smaller than the shorter side.
    """
    if size is None:
        return image_format
    shortest, longest = size if isinstance(size, tuple) else (size, None)
    if longest is None:
        usual = image_format.shortest_edge
        longest = round(image_format.longest_edge * shortest / usual) if usual else 0
    if shortest < 0 or longest < 0 or 0 < longest < shortest:
        raise InputError(
            "an image size is the pixels of the shorter side, or of the shorter side and a limit "
            f"of the longer one; not {size}"
        )
    return image_format.model_copy(update={"shortest_edge": shortest, "longest_edge": longest})
