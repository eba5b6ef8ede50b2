"""What `composer predict` does, step by step."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from PIL import Image

from composer.cli.predict_request import PredictRequest
from composer.cli.predictions_file import PredictionsFile
from composer.errors import InputError
from composer.files import written_whole
from composer.graph.devices import find_device
from composer.graph.profiling import format_seconds
from composer.prediction import Prediction, Predictor
from composer.prediction.video import is_video, read_frames, read_rate, write_frames
from composer.visualization.file_names import FileNames

PREDICTIONS = "predictions.json"

_SHOWN = 5  # names in a list
_QUALITY = 92  # of JPEG


@dataclass
class PredictReport:
    """What becomes of the files.

    Args:
        request: what was asked for.
        predictions: takes the predictions, in COCO's results format.
        num_images: photographs and frames so far.
        num_failed: files that could not be read.
        pictures: what was drawn.
        names: gives the pictures their names.
        width: columns for the names of files.
    """

    request: PredictRequest
    predictions: PredictionsFile
    num_images: int = 0
    num_failed: int = 0
    pictures: list[Path] = field(default_factory=list)
    names: FileNames = field(default_factory=FileNames)
    width: int = 0

    @classmethod
    def begin(cls, request: PredictRequest, files: Sequence[Path]) -> PredictReport:
        """A report on some files.

        Where one of them lies in the folder for pictures, or a link to it, no file there is
        overwritten.
        """
        folder = request.folder.resolve()
        places = {path.parent.resolve() for path in files} | {
            path.resolve().parent for path in files
        }
        is_shared = folder in places and folder.is_dir()
        return cls(
            request,
            PredictionsFile(None if request.as_json else request.folder / PREDICTIONS),
            names=FileNames(path.name for path in folder.iterdir()) if is_shared else FileNames(),
            width=max(len(file.name) for file in files),
        )

    @property
    def draws(self) -> bool:
        """Whether pictures are wanted."""
        return not (self.request.no_pictures or self.request.as_json)

    def add(self, prediction: Prediction, **more: Any) -> None:
        """Takes the predictions of an image, which gets the next number."""
        self.num_images += 1
        if "instances" in prediction:
            found = prediction.to_coco(self.num_images)
            self.predictions.add([{**entry, **more} for entry in found])

    def tell(self, file: Path, text: str, seconds: float) -> None:
        """Says in a line what was found in a file."""
        if not self.request.as_json:
            click.echo(f"  {file.name:<{self.width}}  {text}  {format_seconds(seconds)}")

    def choose_name(self, file: Path, suffix: str) -> Path:
        """A file for a picture; a number tells those of one name apart."""
        return self.request.folder / self.names.choose(file.stem, suffix)


def predict_request(request: PredictRequest) -> bool:
    """Predicts what is asked for, and tells of it.

    Returns:
        Whether every file could be read.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    files = request.find_files()
    if not request.paths:
        click.echo(f"no files: looking at the example, {os.path.relpath(files[0])}", err=True)
    if others := request.list_others():
        names = ", ".join(file.name for file in others[:_SHOWN]) + (
            ", ..." * (len(others) > _SHOWN)
        )
        click.echo(f"no photographs or videos by their names: {names}", err=True)
    request.make_folder()
    predictor = Predictor(
        request.model,
        weights=request.weights or None,
        score_threshold=request.threshold,
        names=request.names,
        image_size=request.image_size,
        device=find_device(request.device),
    )
    report = PredictReport.begin(request, files)
    try:
        for file in files:
            _predict_file(file, predictor, report)
    finally:  # what was found is not lost, whatever ends the work
        _conclude(report)
    return report.num_failed == 0


def _predict_file(file: Path, predictor: Predictor, report: PredictReport) -> None:
    try:
        (_predict_video if is_video(file) else _predict_image)(file, predictor, report)
    except InputError as error:
        report.num_failed += 1
        click.echo(f"error: {error}", err=True)


def _predict_image(file: Path, predictor: Predictor, report: PredictReport) -> None:
    start = time.perf_counter()
    prediction = predictor(file)
    seconds = time.perf_counter() - start
    report.add(prediction)
    report.tell(file, prediction.summary(), seconds)
    if report.draws:
        drawing = prediction.draw()
        picture = report.choose_name(file, _picture_suffix(file))
        with written_whole(picture) as unfinished:
            drawing.save(unfinished, quality=_QUALITY)
        report.pictures.append(picture)


def _predict_video(file: Path, predictor: Predictor, report: PredictReport) -> None:
    rate, start, most = read_rate(file), time.perf_counter(), Counter[str]()
    first = report.num_images

    def draw_all() -> Iterator[Image.Image]:
        for number, prediction in enumerate(predictor.stream(read_frames(file)), 1):
            report.add(prediction, file_name=os.fspath(file), frame=number)
            names = prediction.class_names if "instances" in prediction else []
            most.update(Counter(names) - most)
            yield prediction.draw(scale=1) if report.draws else prediction.picture

    if report.draws:
        report.pictures.append(write_frames(report.choose_name(file, ".mp4"), draw_all(), rate))
    else:
        for _ in draw_all():
            pass
    shown = ", ".join(f"{count} {name}" for name, count in most.most_common()) or "nothing found"
    frames = report.num_images - first
    report.tell(file, f"{frames} frames, at most {shown}", time.perf_counter() - start)


def _conclude(report: PredictReport) -> None:
    as_json = report.request.as_json
    if as_json or report.num_images:
        report.predictions.finish()
    if as_json or not report.num_images:
        return
    file = report.request.folder / PREDICTIONS
    saved = [*report.pictures, file]
    shown = (
        f"{len(report.pictures)} pictures and {file}"
        if len(saved) > 2
        else " and ".join(str(path) for path in saved)
    )
    click.echo(f"  saved {shown}")


def _picture_suffix(file: Path) -> str:
    return ".png" if file.suffix.lower() == ".png" else ".jpg"
