"""What a user asks of `composer predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from composer.data.image_size import ImageSize
from composer.data.images import SUFFIXES, find_images
from composer.discovery import specs_directory
from composer.errors import InputError
from composer.prediction.video import is_video

EXAMPLE = "astronaut.jpg"


@dataclass(frozen=True)
class PredictRequest:
    """The options of one prediction, as they were given.

    Args:
        paths: photographs, videos, and folders of them.
        model: name or file of the model.
        weights: checkpoints by node, the empty name for the whole model.
        threshold: the lowest score that counts.
        names: a dataset whose names of classes ship, or a spec that has some; or None.
        image_size: pixels of the shorter side, maybe with a limit of the longer; or None.
        output: folder for the results, or None for the usual one.
        no_pictures: whether only data are wanted.
        as_json: whether the data are to be printed, and nothing written.
        device: name of the device.
    """

    paths: Sequence[str]
    model: str
    weights: Mapping[str, str]
    threshold: float
    names: str | None
    image_size: ImageSize | None
    output: str | None
    no_pictures: bool
    as_json: bool
    device: str

    def __post_init__(self) -> None:
        if self.as_json and self.output is not None:
            raise click.UsageError("--json prints the predictions; it excludes --output")

    @property
    def folder(self) -> Path:
        """Where the results go."""
        if self.output is not None:
            return Path(self.output)
        return Path("runs", Path(self.model).stem or "model")

    def make_folder(self) -> None:
        """Makes the folder for the results, before time is spent on any.

        Raises:
            InputError: it cannot be made.
        """
        if self.as_json:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = "a file" if self.folder.is_file() else error.strerror
            raise InputError(f"{self.folder} cannot be the folder of results: {reason}") from error

    def list_others(self) -> list[Path]:
        """What is in the folders besides photographs and videos, by the ends of their names."""
        folders = [Path(path) for path in self.paths if Path(path).is_dir()]
        files = [file for folder in folders for file in sorted(folder.iterdir()) if file.is_file()]
        return [file for file in files if not _is_picture(file)]

    def find_files(self) -> list[Path]:
        """The photographs and videos that are meant, in order; the example if none is named.

        Raises:
            InputError: a file or folder does not exist, or a folder has nothing to look at.
        """
        if not self.paths:
            return [specs_directory() / "examples" / EXAMPLE]
        return [file for path in self.paths for file in _find_below(Path(path))]


def _find_below(path: Path) -> list[Path]:
    if not path.is_dir():
        return find_images(path)
    found = sorted(file for file in path.iterdir() if _is_picture(file))
    if not found:
        raise InputError(f"{path}: there are no photographs and no videos in this folder")
    return found


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES or is_video(file)
