"""TIFF files of kinds that Pillow reads and does not write."""

import struct

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS = 256, 257, 258, 259, 262, 273
CHANNELS, ROWS, LENGTHS, SAMPLE_FORMAT = 277, 278, 279, 339
_SHORT, _LONG, _FLOAT = 3, 4, 11


def write_tiff(file, content, size, bits, *, photometric=1, sample_format=1, tags=None):
    """Writes an uncompressed TIFF of one strip, little-endian.

    Args:
        file: where.
        content: the bytes of the samples.
        size: (width, height).
        bits: of a sample; a tuple for several channels.
        photometric: 0 for white as zero, 1 for black as zero, 2 for RGB.
        sample_format: 1 for unsigned, 2 for signed, 3 for floating point.
        tags: more tags, whole numbers or floating point.
    """
    all_bits = bits if isinstance(bits, tuple) else (bits,)
    width, height = size
    values = {
        WIDTH: width,
        HEIGHT: height,
        BITS: all_bits,
        COMPRESSION: 1,
        PHOTOMETRIC: photometric,
        OFFSETS: None,
        CHANNELS: len(all_bits),
        ROWS: height,
        LENGTHS: len(content),
        SAMPLE_FORMAT: (sample_format,) * len(all_bits),
        **(tags or {}),
    }
    start = 8 + 2 + 12 * len(values) + 4
    rest, directory = b"", b""
    offset = start + 64  # room for what is longer than four bytes
    for tag in sorted(values):
        value = offset if values[tag] is None else values[tag]
        items = value if isinstance(value, tuple) else (value,)
        if isinstance(items[0], float):
            kind, packed = _FLOAT, struct.pack(f"<{len(items)}f", *items)
        elif tag in (BITS, SAMPLE_FORMAT, PHOTOMETRIC):
            kind, packed = _SHORT, struct.pack(f"<{len(items)}H", *items)
        else:
            kind, packed = _LONG, struct.pack(f"<{len(items)}L", *items)
        if len(packed) > 4:
            place = struct.pack("<L", start + len(rest))
            rest += packed
        else:
            place = packed.ljust(4, b"\0")
        directory += struct.pack("<HHL", tag, kind, len(items)) + place
    head = b"II*\0" + struct.pack("<LH", 8, len(values))
    file.write_bytes(head + directory + b"\0" * 4 + rest.ljust(64, b"\0") + content)
    return file
