"""`composer train`: trains a model as an experiment says."""

from __future__ import annotations

from typing import Any

import click


@click.command(short_help="Train a model.")
@click.argument("spec", required=False)
@click.option("--experiment", "-e", metavar="FILE", help="What is learnt from what, and how.")
@click.option(
    "--data",
    "-d",
    metavar="FILE",
    help="A data file, or annotations in COCO's format, in place of the experiment's datasets.",
)
@click.option("--images", metavar="DIR", help="With --data ANNOTATIONS, the folder of images.")
@click.option(
    "--weights", "-w", metavar="FILE", help="A checkpoint to begin with, in place of others."
)
@click.option(
    "--iterations", type=click.IntRange(min=1), help="Steps of the optimizer, in place of others."
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a param; repeatable."
)
@click.option(
    "--output", "-o", metavar="DIR", help="Folder of the run.  [default: runs/<name>-<time>]"
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --output.")
@click.option(
    "--device", default="cpu", show_default=True, help="Where to train, as in torch.device."
)
@click.option("--dry-run", is_flag=True, help="Check everything; train nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Show nothing but the end.")
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Train as an experiment says; SPEC and --data take the place of its own.

    Without an experiment, SPEC learns from --data the usual way: from the dataset `train` (measured
    on `validation`), or from four fifths of the only one. --set iterations, lr, batch_size,
    num_workers, rotated_boxes, seed.

    With --resume, the experiment is the one in the folder of the run unless another is named.
    A signal (Ctrl-C, SIGTERM) saves first. Exit code 0 when it is over, 3 when it can be resumed.

    Several processes: torchrun --nproc-per-node 2 -m composer train ...
    """
    from composer.cli.train_request import TrainRequest
    from composer.cli.training import train_request

    summary = train_request(TrainRequest(**options))
    if summary is not None and not summary.is_complete:
        context.exit(3)
