"""Reading pickles of numpy arrays: detectron2's model zoo, Caffe2 and Detectron1."""

from __future__ import annotations

import mmap
from pathlib import Path

from composer.checkpoint.numpy_globals import NUMPY_VOCABULARY
from composer.checkpoint.unpickler import Unpickler


def read_pickle(path: Path) -> object:
    """The value that a pickle describes, with text of Python 2 decoded as Latin-1.

    Raises:
        CheckpointError: it is damaged, or holds more than arrays and plain containers.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return Unpickler(
            content, size=len(content), vocabulary=NUMPY_VOCABULARY, source=str(path)
        ).load()
