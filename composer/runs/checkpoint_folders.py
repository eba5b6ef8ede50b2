"""The checkpoints of a training: a folder for each, which is there whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from composer.errors import CheckpointError
from composer.files import folder_written_whole, is_unfinished, make_subfolder
from composer.runs.checksums import write_checksums

MODEL, AVERAGE = "model.safetensors", "average.safetensors"  # in each folder

_NAME = re.compile(r"\d{7,}")
_UNREADABLE = ".unreadable"


class CheckpointFolders:
    """The last checkpoints of a run, by iteration.

    Args:
        folder: where they are; made when the first is added.
        keep: how many are kept.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def saved(self) -> dict[int, Path]:
        """The folders of all that are there, the oldest first."""
        if not self.folder.is_dir():
            return {}
        paths = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return dict(sorted((int(path.name), path) for path in paths))

    def add(self, iteration: int, write: Callable[[Path], None]) -> Path:
        """Adds a checkpoint, and then removes those that are too old.

        It is written under another name, with checksums of its files, and renamed when it is whole:
        whatever happens, the checkpoints from before stay as they are. One that is there already is
        left.

        Args:
            iteration: how many iterations were done.
            write: writes its files into a folder.

        Raises:
            CheckpointError: it cannot be written.
        """
        target = self.folder / f"{iteration:07d}"
        if target.exists():
            return target
        try:
            make_subfolder(self.folder.parent, self.folder.name)
            with folder_written_whole(target) as unfinished:
                _write_named(write, unfinished, target)
                write_checksums(unfinished)
        except OSError as error:
            raise CheckpointError(f"{target}: cannot be written: {error.strerror}") from error
        self._prune()
        return target

    def set_aside(self, folder: Path) -> Path:
        """Renames a checkpoint that cannot be read, so that it counts no more; its new place.

        One of the same iteration that was set aside before goes.

        Raises:
            CheckpointError: it cannot be renamed.
        """
        target = folder.with_name(folder.name + _UNREADABLE)
        shutil.rmtree(target, ignore_errors=True)
        try:
            os.rename(folder, target)
        except OSError as error:
            raise CheckpointError(f"{folder}: cannot be set aside: {error}") from error
        return target

    def remove_partial(self) -> None:
        """Removes what processes that were killed have left half written."""
        for path in filter(is_unfinished, self.folder.glob(".*")):
            shutil.rmtree(path, ignore_errors=True)

    def _prune(self) -> None:
        folders = list(self.saved().values())
        for folder in folders[: -self.keep]:
            shutil.rmtree(folder, ignore_errors=True)


def _write_named(write: Callable[[Path], None], unfinished: Path, target: Path) -> None:
    """Lets errors name the file as it was to be called, not as it is called while it is written."""
    try:
        write(unfinished)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(str(unfinished), str(target))) from error
