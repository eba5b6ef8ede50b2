"""Label images, whose values are classes or ids, and the objects that are cut out of them.

Legend: H W the image's height and width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image

from composer.data.faults import BadPart
from composer.data.records import Annotation, AnnotationId
from composer.files import write_bytes
from composer.images import ImageFileError, encode_image, read_color_samples, read_samples
from composer.structures import encode_mask, find_mask_box, measure_mask


def read_labels(file: Path) -> Int[np.ndarray, "H W"]:
    """Reads an image of one channel, or of a palette, as it is.

    Raises:
        BadPart: it cannot be read, has colours, or was compressed with loss.
    """
    with _as_bad_part():
        return read_samples(file)


def read_segment_ids(file: Path) -> Int[np.ndarray, "H W"]:
    """Reads a panoptic image in COCO's colours: an id is red + 256 green + 65536 blue.

    Raises:
        BadPart: it cannot be read, has no colours, or was compressed with loss.
    """
    with _as_bad_part():
        red, green, blue = np.moveaxis(read_color_samples(file), -1, 0)
        return red + 256 * green + 65536 * blue


def write_segment_ids(file: Path, ids: Int[np.ndarray, "H W"]) -> None:
    """Writes what `read_segment_ids` reads; ids are from 0 and below 256 to the power of 3."""
    colors = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1)
    picture = Image.fromarray(colors.astype(np.uint8))
    write_bytes(file, encode_image(picture, ".png"), follow_links=False)


@contextmanager
def _as_bad_part() -> Iterator[None]:
    try:
        yield
    except ImageFileError as error:
        if error.kind == "missing_file":
            raise BadPart("missing_file", f"{error.reason}: {error.file}") from error
        reason = error.reason.removeprefix("the image cannot be read: ")
        raise BadPart("unreadable_image", f"{error.file} cannot be read: {reason}") from error


def cut_object(
    mask: Bool[np.ndarray, "H W"],
    category: int,
    is_crowd: bool,
    annotation_id: AnnotationId | None = None,
) -> Annotation | None:
    """The object of a mask, with its tightest box and its area; None if it has no pixel."""
    encoded = encode_mask(mask)
    area = measure_mask(encoded)
    if area == 0:
        return None
    x, y, width, height = find_mask_box(encoded)
    return Annotation(
        box=(x, y, x + width, y + height),
        category=category,
        segmentation=encoded,
        is_crowd=is_crowd,
        area=float(area),
        annotation_id=annotation_id,
    )
