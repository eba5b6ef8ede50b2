"""How large an image of a dataset is."""

from __future__ import annotations

from composer.data import Record, peek_size, read_pixels


def find_image_size(record: Record, known: tuple[int, int] | None = None) -> tuple[int, int]:
    """An image's (height, width): the dataset's, else what is known, else what its file says.

    Raises:
        InputError: nothing says it, and the file cannot be read.
    """
    if record.height is not None and record.width is not None:
        return record.height, record.width
    if known is not None:
        return known
    height, width = peek_size(record.file_name)
    if (height, width) == (1, 1):  # an image of one pixel, or one that cannot be read
        _, height, width = read_pixels(record.file_name).shape
    return height, width
