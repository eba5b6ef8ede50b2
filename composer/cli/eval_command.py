"""`composer eval`: measures a model on a dataset."""

from __future__ import annotations

from typing import Any

import click

from composer.cli.assignments import parse_assignments
from composer.cli.image_size import image_size_option


@click.command("eval", short_help="Measure a model on a dataset.")
@click.argument("model", required=False)
@click.option(
    "--data",
    "-d",
    required=True,
    metavar="FILE",
    help="A data file, an experiment, or annotations in COCO's format.",
)
@click.option("--images", metavar="DIR", help="With --data ANNOTATIONS, the folder of images.")
@click.option(
    "--dataset",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this dataset; repeatable.  [default: all, joined]",
)
@click.option(
    "--weights",
    "-w",
    multiple=True,
    callback=parse_assignments,
    metavar="[NODE=]FILE",
    help="A checkpoint, for the whole model or a node; repeatable.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a param of the spec."
)
@click.option(
    "--set-data", "data_settings", multiple=True, metavar="NAME=VALUE", help="Set one of the data."
)
@click.option(
    "--predictions", metavar="FILE", help="Measure these detections (COCO's results), no model."
)
@click.option(
    "--tasks",
    metavar="TASK,...",
    help="bbox, segm, keypoints, lvis_bbox, lvis_segm, voc, rotated_bbox, proposals, panoptic, "
    "sem_seg.  [default: all that fit]",
)
@click.option("--tta", is_flag=True, help="Look at each image in several sizes and mirrored.")
@click.option(
    "--tta-sizes", metavar="SIZE,...", help="With --tta, the shorter sides.  [default: 400..1200]"
)
@image_size_option()
@click.option("--batch-size", type=click.IntRange(min=1), help="Images in a batch.  [default: 1]")
@click.option(
    "--num-workers",
    type=click.IntRange(min=0),
    help="Processes that read images.  [default: 0]",
)
@click.option(
    "--on-fault",
    type=click.Choice(["skip", "refuse"]),
    help="Whether bad images and annotations are left out, or end it.  "
    "[default: as each dataset says; of images: skip]",
)
@click.option("--device", help="Where, as in torch.device.  [default: cpu]")
@click.option("--per-class", is_flag=True, help="Print the figures of each class, too.")
@click.option("--output", "-o", metavar="DIR", help="Folder for all files.  [default: runs/eval]")
@click.option("--no-save", is_flag=True, help="Write no files.")
@click.option("--no-plots", is_flag=True, help="Draw no plots.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def eval_command(**options: Any) -> None:
    """Measure MODEL on a dataset.

    MODEL is a checkpoint that describes itself, a spec with --weights, or a model that ships.

    Written are the figures (results.json), the detections as COCO's servers take them
    (coco_results.json; panoptic.json with pictures), the proposals of a model that gives them
    (proposals.json), and plots if matplotlib is installed.

    Several processes: torchrun --nproc-per-node 2 -m composer eval ...
    """
    from composer.cli.eval_request import EvalRequest
    from composer.cli.evaluating import evaluate_request

    evaluate_request(EvalRequest(**options))
