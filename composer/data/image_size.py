"""The size of an image before it enters a network, and the resampling to it."""

from __future__ import annotations

from PIL import Image

from composer.errors import InputError
from composer.language import ImageFormat
from composer.limits import ExpansionError, check_expansion

_BYTES_PER_PIXEL = 8  # Pillow's four, the array's three and one to spare


def choose_size(height: int, width: int, shortest_edge: int, longest_edge: int) -> tuple[int, int]:
    """The (height, width) that an image is resized to, keeping its proportions.

    The shorter side becomes `shortest_edge`, unless the longer one would exceed `longest_edge`;
    then that one becomes `longest_edge`. The other side is rounded half up. This is what
    detectron2 does, operation by operation, so that sizes agree to the pixel.

    Args:
        height: rows of the image.
        width: columns of the image.
        shortest_edge: pixels; 0 leaves the image as it is.
        longest_edge: pixels; 0 for no limit.

    Raises:
        InputError: the image would take more memory than `composer.limits` allows, as one of a
            single row does without a longest edge.
    """
    if shortest_edge == 0:
        return height, width
    scale = shortest_edge / min(height, width)
    new_height = float(shortest_edge) if height < width else scale * height
    new_width = scale * width if height < width else float(shortest_edge)
    if longest_edge and max(new_height, new_width) > longest_edge:
        shrink = longest_edge / max(new_height, new_width)
        new_height, new_width = new_height * shrink, new_width * shrink
    size = max(1, int(new_height + 0.5)), max(1, int(new_width + 0.5))
    _check_memory((height, width), size)
    return size


def _check_memory(before: tuple[int, int], after: tuple[int, int]) -> None:
    names = [f"{height} x {width}" for height, width in (before, after)]
    source = f"an image of {names[0]} (height x width) that is resized to {names[1]}"
    size, needed = (height * width * _BYTES_PER_PIXEL for height, width in (before, after))
    try:
        check_expansion(source, size=size, needed=needed)
    except ExpansionError as error:
        raise InputError(str(error)) from None


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resamples an image with Pillow's bilinear filter, on 8 bits a channel.

    Args:
        image: the image.
        size: (height, width) of the result.
    """
    height, width = size
    if (image.height, image.width) == size:
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR)


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
