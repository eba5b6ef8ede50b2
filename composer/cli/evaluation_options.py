"""Options of the commands that evaluate, and the dataset that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.options import Decorator

if TYPE_CHECKING:
    from composer.cli.data_choice import DataChoice
    from composer.data import Dataset, FaultPolicy
    from composer.experiment import SettableModel


def _parse_tasks(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> list[str] | None:
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def data_option() -> Decorator:
    """The option --data PATH."""
    return click.option(
        "--data",
        "-d",
        required=True,
        metavar="PATH",
        help="Data file, experiment, or annotations in any format.",
    )


def tasks_option() -> Decorator:
    """The option --tasks TASK,..."""
    return click.option(
        "--tasks",
        callback=_parse_tasks,
        metavar="TASK,...",
        help="bbox, segm, keypoints, lvis_bbox, lvis_segm, voc, rotated_bbox, proposals, panoptic, "
        "sem_seg; and where they are named: boundary, cityscapes, cityscapes_sem_seg.  [default: "
        "all that fit]",
    )


def batch_size_option() -> Decorator:
    """The option --batch-size N."""
    return click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Images per batch.",
    )


def num_workers_option() -> Decorator:
    """The option --num-workers N."""
    return click.option(
        "--num-workers",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Processes that read images.",
    )


def on_fault_option() -> Decorator:
    """The option --on-fault skip|refuse."""
    return click.option(
        "--on-fault",
        type=click.Choice(["skip", "refuse"]),
        help="Skip unreadable images and bad annotations, or stop at them.  "
        "[default: as each dataset says; of images: skip]",
    )


def open_dataset(chosen: DataChoice, on_fault: FaultPolicy | None, model: SettableModel) -> Dataset:
    """The chosen datasets, joined; a note says where images of training are among them.

    Args:
        chosen: the datasets by name.
        on_fault: the policy on faults, in place of that of each dataset.
        model: the model, which is given its settings.
    """
    from composer.data import open_datasets

    documents = chosen.find(model)
    if "train" in documents and len(documents) > 1 and not chosen.names:
        found = ", ".join(documents)
        click.echo(
            f"note: evaluating on {found} together, images of training included; --dataset "
            "chooses one",
            err=True,
        )
    if on_fault is not None:
        change = {"on_fault": on_fault}
        documents = {name: found.model_copy(update=change) for name, found in documents.items()}
    return open_datasets(documents)
