"""The EXIF orientation of images."""

from __future__ import annotations

from PIL import Image

_TAG = 274
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_TURNED = 5  # from here on height and width change places
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF


def turn_upright(image: Image.Image) -> Image.Image:
    """The image turned by its EXIF orientation; itself if it is upright."""
    image.load()  # of a TIFF this turns it, and drops the tag
    method = _METHODS.get(_find_orientation(image))
    return image if method is None else image.transpose(method)


def find_upright_size(image: Image.Image) -> tuple[int, int]:
    """The (height, width) that an image has when it is turned upright; it is not decoded."""
    tags = getattr(image, "tag_v2", {})
    # Some versions of Pillow give the size of a TIFF turned before it is loaded, others do not.
    width, height = tags.get(_WIDTH, image.width), tags.get(_HEIGHT, image.height)
    return (width, height) if _find_orientation(image) >= _FIRST_TURNED else (height, width)


def _find_orientation(image: Image.Image) -> int:
    """A number from 1, which is upright, to 8. What cannot be read is upright.

    Pillow's own `exif_transpose` writes the other tags anew, and fails at any that is damaged.
    """
    try:
        orientation = image.getexif().get(_TAG, 1)
    except Exception:  # tags can break their reader in ways that nobody has listed
        return 1
    return orientation if isinstance(orientation, int) and orientation in _METHODS else 1
