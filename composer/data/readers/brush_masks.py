"""Masks that were painted in Label Studio: run lengths of bits, of the format `rle-pack`.

A head says how many values there are, how many bits a value has, and how many bits each of four
kinds of lengths has. Runs follow: whether one value is repeated, the kind of the length, the
length less one, and the value or values (github.com/thi-ng/umbrella, packages/rle-pack). The values
are those of an image of red, green, blue and opacity; what is painted is not transparent.

Legend: H W the image's height and width, B bits of a mask.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8

from composer.data.faults import BadPart
from composer.data.json_values import as_integer

_CHANNELS = 4
_NUM_LENGTHS = 4


def decode_brush(written: object, height: int, width: int) -> Bool[np.ndarray, "H W"]:
    """The pixels that are painted.

    Args:
        written: the bytes of the mask, as a list of numbers.
        height: rows of the image.
        width: its columns.

    Raises:
        BadPart: they are no such bytes, or are of an image of another size.
    """
    bits = _BitReader(_to_bytes(written))
    count, expected = bits.read(32), height * width * _CHANNELS
    if count != expected:
        message = f"the mask has {count} values, and {width} x {height} pixels have {expected}"
        raise BadPart("bad_mask", message)
    word = bits.read(5) + 1
    lengths = [bits.read(4) + 1 for _ in range(_NUM_LENGTHS)]
    values = np.zeros(count, dtype=np.uint8)
    done = 0
    while done < count:
        is_repeated = bits.read(1)
        length = min(bits.read(lengths[bits.read(2)]) + 1, count - done)
        found = bits.read_words(1 if is_repeated else length, word)
        values[done : done + length] = found
        done += length
    return values.reshape(height, width, _CHANNELS)[:, :, -1] > 0


def _to_bytes(written: object) -> UInt8[np.ndarray, _]:
    values = written if isinstance(written, Sequence) and not isinstance(written, str) else []
    numbers = [as_integer(value) for value in values]
    if not numbers or not all(number is not None and 0 <= number < 256 for number in numbers):
        raise BadPart("bad_mask", "the 'rle' of a mask is a list of numbers from 0 to 255")
    return np.array(numbers, dtype=np.uint8)


class _BitReader:
    def __init__(self, content: UInt8[np.ndarray, _]) -> None:
        self._bits: UInt8[np.ndarray, B] = np.unpackbits(content)
        self._at = 0

    def read(self, size: int) -> int:
        """The number of the next bits."""
        return int("".join(map(str, self._take(size))), 2)

    def read_words(self, count: int, size: int) -> UInt8[np.ndarray, _]:
        """The last 8 bits of each of the next numbers, which have `size` bits."""
        words = self._take(count * size).reshape(count, size)[:, -8:]
        padded = np.zeros((count, 8), dtype=np.uint8)
        padded[:, 8 - words.shape[1] :] = words
        return np.packbits(padded, axis=1)[:, 0]

    def _take(self, size: int) -> UInt8[np.ndarray, _]:
        taken = self._bits[self._at : self._at + size]
        self._at += size
        if len(taken) < size:
            raise BadPart("bad_mask", "the mask ends before all of its pixels")
        return taken
