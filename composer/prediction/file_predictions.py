"""Predictions for files: visualizations, and `predictions.json` or `predictions.parquet`."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from PIL import Image

from composer.data import find_images
from composer.errors import InputError
from composer.files import errors_named, put_in_place, write_bytes
from composer.images import (
    encode_visualization,
    has_image_suffix,
    is_visualization,
    list_folder,
)
from composer.plurals import count_noun
from composer.prediction.prediction import Prediction
from composer.prediction.prediction_rows import (
    describe_rows,
    find_prediction_columns,
    make_error_row,
    make_rows,
)
from composer.prediction.predictor import Predictor
from composer.prediction.video import is_video, read_frames, read_rate, write_frames
from composer.row_files import ImageRows, ParquetFile, require_pyarrow
from composer.visualization import Background, ColorBy, FileNames

_UNFINISHED = ".part"


class PredictionsFile:
    """One JSON list, written as it grows, so that no prediction waits in memory.

    Until it is finished, the file's name ends in `.part`.

    Args:
        output: the file; or a text stream, which stays open.
    """

    def __init__(self, output: Path | TextIO) -> None:
        self._file = output if isinstance(output, Path) else None
        self._stream = None if isinstance(output, Path) else output
        self._is_empty = True

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Writes entries; they stay, whatever happens afterwards.

        Raises:
            OSError: the file cannot be written.
        """
        if entries:
            text = json.dumps(entries, indent=1)
            self._write(("[\n" if self._is_empty else ",\n") + text[2:-2])  # without brackets
            self._is_empty = False

    def finish(self) -> None:
        """Ends the list, and gives the file its name.

        Raises:
            OSError: the file cannot be written.
        """
        self._write("[]\n" if self._is_empty else "\n]\n")
        if self._file is not None and self._stream is not None:
            self._stream.close()
            put_in_place(Path(self._stream.name), self._file)

    def _write(self, text: str) -> None:
        if self._stream is None:
            assert self._file is not None
            unfinished = self._file.with_name(self._file.name + _UNFINISHED)
            self._stream = unfinished.open("x", encoding="utf-8")  # through no link
        with errors_named(self._file) if self._file is not None else nullcontext():
            self._stream.write(text)
            self._stream.flush()


class PredictionsTable:
    """One Parquet file with a row an image, written as it grows.

    Until it is finished, the file's name ends in `.part`, and it cannot be read.

    Args:
        file: the file.
        predictor: the model.

    Raises:
        InputError: the model returns no instances, or pyarrow is not installed.
    """

    def __init__(self, file: Path, predictor: Predictor) -> None:
        require_pyarrow()
        self._path, self._predictor = file, predictor
        self._columns = find_prediction_columns(predictor)
        self._file: ParquetFile | None = None

    def add(self, rows: ImageRows) -> None:
        """Writes the row of an image.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is None:
            unfinished = self._path.with_name(self._path.name + _UNFINISHED)
            metadata = describe_rows(self._predictor, self._columns)
            self._file = ParquetFile(unfinished, self._columns, metadata, self._path)
        self._file.add(rows)

    def finish(self) -> None:
        """Writes what a reader needs, and gives the file its name.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is not None:
            self._file.finish()
            put_in_place(self._file.path, self._path)


OutputFormat = Literal["json", "parquet"]

PREDICTIONS: Mapping[OutputFormat, tuple[str, str]] = {
    "json": ("predictions", ".json"),
    "parquet": ("predictions", ".parquet"),
}


@dataclass(frozen=True)
class FileResult:
    """The outcome of one file.

    Args:
        file: the image or video.
        summary: the predictions in words: `3 people, 1 dog`.
        seconds: wall-clock time.
        error: the reason why it was skipped, or None.
    """

    file: Path
    summary: str = ""
    seconds: float = 0.0
    error: InputError | None = None


class FilePredictions:
    """Predictions for images and videos, written as they are made.

    Iterating predicts file by file. An unreadable file is skipped; its result has the error.
    Nothing in the folder is overwritten: where a name is taken, the next number is added to it
    (`predictions-2.json`).

    Args:
        predictor: the model.
        files: images and videos; see `find_files`.
        output: the folder of visualizations and `predictions.json`, which is made; or a text
            stream for the predictions, without visualizations.
        visualize: whether to draw visualizations.
        color_by: as for `Prediction.draw`.
        background: as for `Prediction.draw`.
        output_format: of the predictions: `json`, or `parquet` with a row an image, also of those
            that cannot be read.

    Attributes:
        saved: the files that were written so far.

    Raises:
        InputError: the folder cannot be made, or there can be no such file of predictions.
    """

    def __init__(
        self,
        predictor: Predictor,
        files: Iterable[str | os.PathLike[str]],
        output: str | os.PathLike[str] | TextIO,
        *,
        visualize: bool = True,
        color_by: ColorBy | None = None,
        background: Background = "color",
        output_format: OutputFormat = "json",
    ) -> None:
        self.predictor, self.files = predictor, [Path(file) for file in files]
        self.saved: list[Path] = []
        self._folder: Path | None = None
        self._num_images = 0
        self._table: PredictionsTable | None = None
        if isinstance(output, (str, os.PathLike)):
            self._folder = make_folder(output)
            self._names = _unused_names(self._folder)
            self._predictions = self._folder / self._names.choose(*PREDICTIONS[output_format])
            if output_format == "parquet":
                self._table = PredictionsTable(self._predictions, predictor)
            self._list = PredictionsFile(self._predictions)
        else:
            self._list = PredictionsFile(output)
        self._draw = partial(Prediction.draw, color_by=color_by, background=background)
        self._draws = visualize and self._folder is not None

    def __iter__(self) -> Iterator[FileResult]:
        try:
            for file in self.files:
                try:
                    yield (self._predict_video if is_video(file) else self._predict_image)(file)
                except InputError as error:
                    self._add_error(file, error)
                    yield FileResult(file, error=error)
        finally:  # no prediction is lost, whatever ends the loop
            self._finish()

    def _predict_image(self, file: Path) -> FileResult:
        start = time.perf_counter()
        prediction = self.predictor(file)
        seconds = time.perf_counter() - start
        self._add(prediction)
        if self._draws:
            drawing = self._draw(prediction)
            path = self._choose_path(file, ".png" if file.suffix.lower() == ".png" else ".jpg")
            self._save(path, encode_visualization(drawing, path.suffix))
        return FileResult(file, prediction.summary(), seconds)

    def _predict_video(self, file: Path) -> FileResult:
        rate, start, most = read_rate(file), time.perf_counter(), Counter[str]()
        first = self._num_images

        def draw_all() -> Iterator[Image.Image]:
            for number, prediction in enumerate(self.predictor.stream(read_frames(file)), 1):
                self._add(prediction, file_name=os.fspath(file), frame=number)
                names = prediction.class_names if "instances" in prediction else []
                most.update(Counter(names) - most)
                yield self._draw(prediction, scale=1) if self._draws else prediction.image

        if self._draws:
            self.saved.append(write_frames(self._choose_path(file, ".mp4"), draw_all(), rate))
        else:
            for _ in draw_all():
                pass
        shown = ", ".join(count_noun(count, name) for name, count in most.most_common())
        summary = f"{self._num_images - first} frames, at most {shown or 'nothing found'}"
        return FileResult(file, summary, time.perf_counter() - start)

    def _save(self, path: Path, picture: bytes) -> None:
        try:
            write_bytes(path, picture, follow_links=False)
        except OSError as error:  # the others may still be written
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        self.saved.append(path)

    def _add(self, prediction: Prediction, **more: Any) -> None:
        """Writes the predictions for an image or a frame, under the next image id."""
        self._num_images += 1
        if self._table is not None:
            frame = more.get("frame", 0)
            named = replace(prediction, file_name=more.get("file_name", prediction.file_name))
            self._table.add(make_rows(named, self._num_images - 1, frame=frame))
        elif "instances" in prediction:
            found = prediction.to_coco(self._num_images)
            self._list.add([{**entry, **more} for entry in found])

    def _add_error(self, file: Path, error: InputError) -> None:
        if self._table is not None:
            self._num_images += 1
            self._table.add(make_error_row(self._num_images - 1, os.fspath(file), error))

    def _choose_path(self, file: Path, suffix: str) -> Path:
        """The path of a visualization; files of one name get numbers."""
        assert self._folder is not None
        return self._folder / self._names.choose(file.stem, suffix)

    def _finish(self) -> None:
        if self._table is not None:
            self._table.finish()
        elif self._folder is None or self._num_images:
            self._list.finish()
        if self._folder is not None and self._num_images:
            self.saved.append(self._predictions)


class FoundFiles(NamedTuple):
    """Files that were given, or that are in folders that were given.

    Args:
        files: images and videos.
        others: files in the folders that are neither, by their names.
        visualizations: files in the folders that are visualizations of predictions.
    """

    files: list[Path]
    others: list[Path]
    visualizations: list[Path]


def find_files(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Finds images and videos: files, and those in folders, sorted by name; see `sort_files`.

    Raises:
        InputError: a file or folder does not exist, or a folder has no images and no videos.
    """
    return sort_files(paths).files


def sort_files(paths: Sequence[str | os.PathLike[str]]) -> FoundFiles:
    """Lists files and folders, each folder once; hidden files in a folder are passed over.

    Raises:
        InputError: a file or folder does not exist, or a folder has no images and no videos.
    """
    found = FoundFiles([], [], [])
    for path in map(Path, paths):
        for part, more in zip(found, _sort_one(path), strict=True):
            part.extend(more)
    return found


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Makes the folder of results.

    Raises:
        InputError: it cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file" if folder.is_file() else error.strerror
        raise InputError(f"{folder} cannot be the folder of results: {reason}") from error
    return folder


def _unused_names(folder: Path) -> FileNames:
    """Names that no file in a folder has, nor would have once it is finished."""
    return FileNames(path.name.removesuffix(_UNFINISHED) for path in folder.iterdir())


def _sort_one(path: Path) -> FoundFiles:
    if not path.is_dir():
        return FoundFiles(find_images(path), [], [])
    found = FoundFiles([], [], [])
    for file in list_folder(path):
        if not (has_image_suffix(file) or is_video(file)):
            if file.is_file():
                found.others.append(file)
        elif is_visualization(file):
            found.visualizations.append(file)
        else:
            found.files.append(file)
    if not found.files:
        other = ", only visualizations of predictions" if found.visualizations else ""
        raise InputError(f"{path}: there are no images and no videos in this folder{other}")
    return found
