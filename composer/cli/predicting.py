"""What `composer predict` does, step by step."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from PIL import Image

from composer.cli.predict_request import PredictRequest
from composer.cli.text_file import write_text_file
from composer.errors import InputError
from composer.graph.devices import find_device
from composer.graph.profiling import format_seconds
from composer.pictures.file_names import choose_file_name
from composer.prediction import Prediction, Predictor
from composer.prediction.video import is_video, read_frames, read_rate, write_frames

PREDICTIONS = "predictions.json"

_SHOWN = 5  # names in a list
_QUALITY = 92  # of JPEG


@dataclass
class PredictReport:
    """What becomes of the files.

    Args:
        request: what was asked for.
        entries: the predictions so far, in COCO's results format.
        num_images: photographs and frames so far.
        num_failed: files that could not be read.
        pictures: what was drawn.
        width: columns for the names of files.
    """

    request: PredictRequest
    entries: list[dict[str, Any]] = field(default_factory=list)
    num_images: int = 0
    num_failed: int = 0
    pictures: list[Path] = field(default_factory=list)
    width: int = 0

    def add(self, prediction: Prediction, **more: Any) -> None:
        """Takes the predictions of an image, which gets the next number."""
        self.num_images += 1
        if "instances" in prediction:
            found = prediction.to_coco(self.num_images)
            self.entries += [{**entry, **more} for entry in found]

    def tell(self, file: Path, text: str, seconds: float) -> None:
        """Says in a line what was found in a file."""
        if not self.request.as_json:
            click.echo(f"  {file.name:<{self.width}}  {text}  {format_seconds(seconds)}")

    def choose_name(self, file: Path, suffix: str) -> Path:
        """A file for a picture; a number tells those of one name apart."""
        name = choose_file_name(file.stem, suffix, {path.name for path in self.pictures})
        self.pictures.append(self.request.folder / name)
        return self.pictures[-1]


def predict_request(request: PredictRequest) -> bool:
    """Predicts what is asked for, and tells of it.

    Returns:
        Whether every file could be read.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    files = request.find_files()
    report = PredictReport(request, width=max(len(file.name) for file in files))
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
    for file in files:
        try:
            (_predict_video if is_video(file) else _predict_image)(file, predictor, report)
        except InputError as error:
            report.num_failed += 1
            click.echo(f"error: {error}", err=True)
    _conclude(report)
    return report.num_failed == 0


def _predict_image(file: Path, predictor: Predictor, report: PredictReport) -> None:
    start = time.perf_counter()
    prediction = predictor(file)
    seconds = time.perf_counter() - start
    report.add(prediction)
    report.tell(file, prediction.summary(), seconds)
    if not (report.request.no_pictures or report.request.as_json):
        picture = report.choose_name(file, _picture_suffix(file))
        prediction.draw().save(picture, quality=_QUALITY)


def _predict_video(file: Path, predictor: Predictor, report: PredictReport) -> None:
    rate, start, most = read_rate(file), time.perf_counter(), Counter[str]()
    first = report.num_images

    def draw_all() -> Iterator[Image.Image]:
        for number, prediction in enumerate(predictor.stream(read_frames(file)), 1):
            report.add(prediction, file_name=os.fspath(file), frame=number)
            names = prediction.class_names if "instances" in prediction else []
            most.update(Counter(names) - most)
            yield prediction.draw(scale=1) if draws else prediction.picture

    draws = not (report.request.no_pictures or report.request.as_json)
    if draws:
        write_frames(report.choose_name(file, ".mp4"), draw_all(), rate)
    else:
        for _ in draw_all():
            pass
    shown = ", ".join(f"{count} {name}" for name, count in most.most_common()) or "nothing found"
    frames = report.num_images - first
    report.tell(file, f"{frames} frames, at most {shown}", time.perf_counter() - start)


def _conclude(report: PredictReport) -> None:
    if report.request.as_json:
        click.echo(json.dumps(report.entries, indent=1))
        return
    if not report.num_images:
        return
    file = report.request.folder / PREDICTIONS
    write_text_file(file, json.dumps(report.entries, indent=1) + "\n")
    saved = [*report.pictures, file]
    shown = (
        f"{len(report.pictures)} pictures and {file}"
        if len(saved) > 2
        else " and ".join(str(path) for path in saved)
    )
    click.echo(f"  saved {shown}")


def _picture_suffix(file: Path) -> str:
    return ".png" if file.suffix.lower() == ".png" else ".jpg"
