"""What a user asks of `composer eval`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from composer.data.faults import FaultPolicy
from composer.data.image_size import ImageSize

_FOLDER = Path("runs", "eval")


@dataclass(frozen=True)
class EvalRequest:
    """The options of one evaluation, as they were given.

    Args:
        model: checkpoint, spec or name of the model; None with predictions.
        data: data file, experiment, or annotations.
        images: folder of images that annotations belong to.
        names: which datasets are meant; all if there are none.
        weights: checkpoints by node, the empty name for the whole model.
        settings: `name=value` for the spec's params.
        data_settings: `name=value` for the data file's params.
        predictions: a file of detections, or None.
        tasks: names of tasks between commas, or None for all that fit.
        tta: whether images are looked at several times.
        tta_sizes: sizes between commas, or None for the usual ones.
        image_size: pixels of the shorter side, maybe with a limit of the longer; or None.
        batch_size: images in a batch, or None for one.
        num_workers: processes that read images, or None for no others than this.
        on_fault: what to do about bad images and annotations, or None for what the data says.
        device: name of the device, or None for the CPU.
        per_class: whether the figures of each class are printed.
        output: folder for files, or None for the usual one.
        no_save: whether no files are written.
        no_plots: whether no plots are drawn.
        as_json: whether a JSON document is wanted instead of text.
    """

    model: str | None
    data: str
    images: str | None
    names: Sequence[str]
    weights: Mapping[str, str]
    settings: Sequence[str]
    data_settings: Sequence[str]
    predictions: str | None
    tasks: str | None
    tta: bool
    tta_sizes: str | None
    image_size: ImageSize | None
    batch_size: int | None
    num_workers: int | None
    on_fault: FaultPolicy | None
    device: str | None
    per_class: bool
    output: str | None
    no_save: bool
    no_plots: bool
    as_json: bool

    def __post_init__(self) -> None:
        if (self.model is None) == (self.predictions is None):
            raise click.UsageError("give either a MODEL or --predictions FILE")
        if self.predictions is not None:
            self._refuse_options_of_models()
        if self.tta_sizes is not None and not self.tta:
            raise click.UsageError("--tta-sizes goes with --tta")
        if self.tta and self.image_size is not None:
            raise click.UsageError("--tta looks in several sizes: name them with --tta-sizes")
        if self.no_save and self.output is not None:
            raise click.UsageError("--output and --no-save exclude each other")
        self.find_sizes()

    @property
    def folder(self) -> Path | None:
        """Where files are written; None if none are."""
        if self.no_save:
            return None
        return _FOLDER if self.output is None else Path(self.output)

    def _refuse_options_of_models(self) -> None:
        given = {
            "--weights": bool(self.weights),
            "--set": bool(self.settings),
            "--tta": self.tta,
            "--image-size": self.image_size is not None,
            "--batch-size": self.batch_size is not None,
            "--num-workers": self.num_workers is not None,
            "--device": self.device is not None,
        }
        for option, is_given in given.items():
            if is_given:
                raise click.UsageError(f"{option} goes with a MODEL, not with --predictions")

    def find_tasks(self) -> list[str] | None:
        """The tasks that are asked for; None for all that fit."""
        if self.tasks is None:
            return None
        return [name.strip() for name in self.tasks.split(",") if name.strip()]

    def find_sizes(self) -> tuple[int, ...] | None:
        """The sizes of the views; None for the usual ones."""
        if self.tta_sizes is None:
            return None
        try:
            return tuple(int(size) for size in self.tta_sizes.split(","))
        except ValueError:
            raise click.UsageError(
                f"--tta-sizes {self.tta_sizes}: numbers between commas are wanted, 600,800"
            ) from None
