"""Files in torch's formats with contents that torch would not write."""

import io
import pickle
import zipfile
from pathlib import Path

import torch

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
VERSION = pickle.dumps(1001, 2)
SYSTEM = pickle.dumps({"little_endian": True}, 2)


def write_archive(
    path: Path,
    data: bytes,
    *,
    members: dict[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A zip archive with `data` as the pickle in it, and more members by their full names."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("model/data.pkl", data)
        archive.writestr("model/byteorder", "little")
        archive.writestr("model/version", "3\n")
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return path


def write_legacy(path: Path, data: bytes, *, keys: object = (), rest: bytes = b"") -> Path:
    """A file as torch wrote before 1.6, with `data` as the pickle of the value."""
    path.write_bytes(MAGIC + VERSION + SYSTEM + data + pickle.dumps(list(keys), 2) + rest)
    return path


def data_pickle(value: object) -> bytes:
    """The pickle in the archive that torch makes of `value`."""
    file = io.BytesIO()
    torch.save(value, file)
    with zipfile.ZipFile(file) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return archive.read(name)
