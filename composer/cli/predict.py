"""`composer predict`: finds objects in photographs and videos."""

from __future__ import annotations

from typing import Any

import click

from composer.cli.assignments import parse_assignments
from composer.cli.image_size import image_size_option


@click.command(short_help="Find objects in photographs and videos.")
@click.argument("paths", nargs=-1, metavar="[IMAGES|FOLDERS|VIDEOS]...")
@click.option(
    "--model",
    "-m",
    default="people",
    show_default=True,
    metavar="MODEL",
    help="A model that ships, a checkpoint that describes itself, or a spec with --weights.",
)
@click.option(
    "--weights",
    "-w",
    multiple=True,
    metavar="[NODE=]FILE",
    callback=parse_assignments,
    help="A checkpoint for the model or for one node; repeatable.",
)
@click.option(
    "--threshold",
    "-t",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Leave out instances with a lower score.",
)
@click.option(
    "--names",
    metavar="DATASET|SPEC",
    help="Names of the classes where the model has none: coco, coco_panoptic, ...",
)
@image_size_option()
@click.option(
    "--output", "-o", metavar="DIR", help="Folder for the results.  [default: runs/<model>]"
)
@click.option("--no-pictures", is_flag=True, help="Write no pictures, only predictions.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the predictions; write no file.")
@click.option(
    "--device", default="cpu", show_default=True, help="Where to run, as in torch.device."
)
@click.pass_context
def predict(context: click.Context, /, **options: Any) -> None:
    """Draw what a model finds in photographs and videos, and write it down.

    Pictures and predictions.json, in COCO's results format with names besides the numbers, go to
    a folder. Without PATHS, a photograph that ships is looked at. A file that cannot be read is
    reported, and the others are gone on with; the exit code is then 1.

    Videos need the extra detection-composer[video].
    """
    from composer.cli.predict_request import PredictRequest
    from composer.cli.predicting import predict_request

    if not predict_request(PredictRequest(**options)):
        context.exit(1)
