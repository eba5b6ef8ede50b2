"""`composer explain`: shows where in an image a detection comes from."""

from __future__ import annotations

import os
import re
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from composer.cli.options import (
    device_option,
    image_size_option,
    loading_options,
    model_option,
    names_option,
    offline_option,
    sample_range_option,
    set_option,
    threshold_option,
    weights_option,
)
from composer.cli.output import format_json
from composer.cli.result_folders import choose_predictions_folder
from composer.escapes import escape_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from composer.data import ImageSize
    from composer.explanation import Explainer, Explanation
    from composer.graph import LoadArguments

_EXAMPLE = "astronaut.jpg"


@click.command(short_help="Show where in an image a detection comes from.")
@click.argument("paths", nargs=-1, metavar="[IMAGES|FOLDERS]...")
@model_option()
@click.option(
    "--detection",
    "-d",
    "detections",
    type=int,
    multiple=True,
    metavar="NUMBER",
    help="Detection to explain, counted from 0 as `predict` lists them; repeatable.  [default: 0]",
)
@click.option(
    "--of",
    default="score",
    show_default=True,
    metavar="WHAT",
    help="What of it: score, logit, mask, keypoint:NAME, or the name of any number, such as "
    "detections.scores[0][3].",
)
@click.option(
    "--at",
    "places",
    multiple=True,
    metavar="NODE",
    help="Feature maps (backbone), one of them (backbone.p3), pooled regions, the images of the "
    "network, or a tap; repeatable.  [default: the last feature maps before it]",
)
@click.option(
    "--method",
    default="hires-cam",
    show_default=True,
    metavar="NAME",
    help="hires-cam, grad-cam or gradient; captum:Saliency and others with the extra captum.",
)
@weights_option()
@loading_options
@set_option()
@threshold_option("a detection that counts")
@names_option()
@image_size_option()
@sample_range_option()
@click.option(
    "--output", "-o", metavar="DIR", help="Folder of the results.  [default: runs/<model>]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list; write no file.")
@offline_option()
@device_option()
@click.pass_context
def explain(
    context: click.Context,
    *,
    paths: Sequence[str],
    model: str,
    detections: Sequence[int],
    of: str,
    places: Sequence[str],
    method: str,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    threshold: float,
    names: str | None,
    image_size: ImageSize | None,
    sample_range: tuple[float, float] | None,
    output: str | None,
    as_json: bool,
    device: str,
) -> None:
    """Show where in an image a detection, its mask or a keypoint comes from.

    A picture and a JSON file for each detection go to a folder: how much each place counts, by
    gradients with respect to feature maps, and the channels that count most.

    The name of a number (`roi_heads.box_predictor.class_logits[12, 0]`) needs no --detection.
    """
    from composer.explanation import Explainer, check_method
    from composer.graph import find_device
    from composer.model_source import find_model_source
    from composer.prediction import Predictor

    if as_json and output is not None:
        raise click.UsageError("--json prints the explanations; it excludes --output")
    check_method(method)
    find_model_source(model)
    files = _find_files(paths)
    predictor = Predictor(
        model,
        weights=weights or None,
        set=settings,
        score_threshold=threshold,
        names=names,
        image_size=image_size,
        sample_range=sample_range,
        device=find_device(device),
        **load_arguments,
    )
    wanted = _Wanted(detections or (None if _is_name(of) else 0,), of, places or (None,), method)
    found = _explain_all(Explainer(predictor), files, wanted)
    if as_json:
        results = [explanation.to_json() for _, explanation in found if explanation is not None]
        click.echo(format_json(results))
        is_complete = len(results) == len(files) * len(wanted.detections) * len(wanted.places)
    else:
        is_complete = _save_all(found, Path(output or choose_predictions_folder(model)))
    if not is_complete:
        context.exit(1)


class _Wanted(NamedTuple):
    """What is explained of each image.

    Attributes:
        detections: numbers of detections; None for a number that belongs to none.
        of: what of them.
        places: what it is led back to; None for the default.
        method: the method.
    """

    detections: Sequence[int | None]
    of: str
    places: Sequence[str | None]
    method: str


def _is_name(of: str) -> bool:
    return of.partition(":")[0] not in ("score", "logit", "mask", "keypoint")


def _find_files(paths: Sequence[str]) -> Sequence[Path]:
    """The images, or the example."""
    from composer.discovery import shipped_folder
    from composer.prediction import sort_files

    if paths:
        return sort_files(paths).files
    example = shipped_folder("specs") / "examples" / _EXAMPLE
    click.echo(f"no files: explaining the example, {os.path.relpath(example)}", err=True)
    return [example]


def _explain_all(
    explainer: Explainer, files: Sequence[Path], wanted: _Wanted
) -> Iterator[tuple[Path, Explanation | None]]:
    """Yields each explanation as it is made; None where there is none, after its reason."""
    from composer.errors import InputError

    for file in files:
        try:
            opened = explainer.open(file)
        except InputError as error:
            click.echo(f"error: {error}", err=True)
            yield file, None
            continue
        said: set[str] = set()
        for detection, place in product(wanted.detections, wanted.places):
            try:
                found = explainer(opened, detection, of=wanted.of, at=place, method=wanted.method)
            except InputError as error:
                if str(error) not in said:  # what is not there is not there at any place
                    click.echo(f"error: {error}", err=True)
                said.add(str(error))
                yield file, None
                continue
            if found.is_empty:
                others = _find_others(partial(explainer, opened, detection, of=wanted.of), place)
                click.echo(f"warning: {file}: {_describe_empty(found, others)}", err=True)
            yield file, found


def _find_others(explain: Callable[..., Explanation], place: str | None) -> str:
    """Where a number comes from that does not come from one map of several; empty if unknown."""
    from composer.errors import ComposerError

    whole = (place or "").rpartition(".")[0]
    if not whole or ":" in whole:
        return ""
    try:
        levels = explain(at=whole).levels
    except ComposerError:  # it is no map of several
        return ""
    return ", ".join(f"{whole}.{name} {share:.0%}" for name, _, share in levels if share and name)


def _describe_empty(found: Explanation, others: str) -> str:
    text = f"{found.summary()} counts"
    if others:
        text += f"; it comes from {others}"
    elif found.method != "gradient":
        text += " for it; --method gradient also shows what counts against it"
    if found.detection is not None and found.detection.score == 1:
        text += "; its score is 1, which has no gradient: --of logit"
    return text


def _save_all(found: Iterator[tuple[Path, Explanation | None]], folder: Path) -> bool:
    """Writes each explanation as a picture and a JSON file, and prints a line for it.

    Returns:
        Whether there are all explanations.
    """
    from composer.files import write_bytes, write_json
    from composer.images import encode_visualization
    from composer.prediction import make_folder
    from composer.visualization import FileNames

    names: FileNames | None = None
    is_complete = True
    for file, explanation in found:
        if explanation is None:
            is_complete = False
            continue
        make_folder(folder)
        names = names or FileNames(path.stem for path in folder.iterdir())
        stem = names.choose(_name(file, explanation), "")
        picture = folder / f"{stem}{'.png' if file.suffix.lower() == '.png' else '.jpg'}"
        drawn = encode_visualization(explanation.draw(), picture.suffix)
        write_bytes(picture, drawn, follow_links=False)
        write_json(folder / f"{stem}.json", explanation.to_json(), indent=1)
        click.echo(f"  {escape_name(file.name)}  {explanation.summary()}")
        click.echo(f"  saved {picture} and {stem}.json")
    return is_complete


def _name(file: Path, explanation: Explanation) -> str:
    """A name for the files: of the image, the detection and the place."""
    found = explanation.detection
    number = "explained" if found is None else f"detection{found.index}"
    place = re.sub(r"[^\w.]+", "-", explanation.at).strip("-")
    return f"{file.stem}-{number}-{place}"
