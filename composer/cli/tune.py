"""`composer tune`: evaluates a model with many settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.cache_options import KeptValues, cache_options
from composer.cli.data_choice import DataChoice, collect_data_choice
from composer.cli.evaluation_options import (
    batch_size_option,
    data_option,
    num_workers_option,
    on_fault_option,
    open_dataset,
    tasks_option,
)
from composer.cli.inference_options import InferenceWay, inference_options
from composer.cli.options import (
    dataset_option,
    device_option,
    format_option,
    image_size_option,
    images_option,
    json_option,
    loading_options,
    offline_option,
    seed_option,
    set_option,
    weights_option,
)
from composer.cli.output import count_things, format_json, print_notes, try_writing
from composer.cli.result_folders import choose_evaluation_folder, name_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import Dataset, FaultPolicy, ImageSize
    from composer.documents import Setting
    from composer.evaluation import EvaluationProgress
    from composer.experiment import SettableModel
    from composer.graph import Graph, LoadArguments
    from composer.training import ProcessGroup
    from composer.tuning import Tuning


@click.command(short_help="Evaluate a model with many settings, and find the best.")
@click.argument("model")
@data_option()
@click.option(
    "--vary",
    "variations",
    multiple=True,
    required=True,
    metavar="ADDRESS=VALUES",
    help="Values of an address of the model: 0.05,0.1 or a range with its end, 0.3:0.7:0.1; "
    "several make a grid.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="The metric that counts: bbox/AP50, or AP50 where one task has it.  [default: the first "
    "one of the first task]",
)
@images_option()
@format_option()
@dataset_option(default="all, joined")
@weights_option()
@loading_options
@set_option("Set a value of the model or the data; repeatable.")
@collect_data_choice
@tasks_option()
@image_size_option()
@batch_size_option()
@num_workers_option()
@on_fault_option()
@inference_options(by_default=True)
@offline_option()
@device_option()
@cache_options
@seed_option("Seed of stochastic nodes.")
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    help="Folder of all files.  [default: a new one, runs/<model>-tune, runs/<model>-tune-2, ...]",
)
@click.option("--no-save", is_flag=True, help="Write no files.")
@json_option()
def tune(
    *,
    model: str,
    variations: Sequence[str],
    metric: str | None,
    chosen: DataChoice,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    tasks: Sequence[str] | None,
    image_size: ImageSize | None,
    batch_size: int,
    num_workers: int,
    on_fault: FaultPolicy | None,
    way: InferenceWay,
    device: str,
    kept: KeptValues,
    seed: int,
    output: str | None,
    no_save: bool,
    as_json: bool,
) -> None:
    """Evaluate MODEL with each combination of some settings.

    What lies above the nodes that a setting changes is computed once for all settings. Each
    setting has the metrics that `composer eval --set` gives.

    Written are all metrics (tuning.json), a plot of the one that counts (tuning.png, tuning.svg),
    and the best setting as a spec that extends the model's (best.yaml).

    --vary takes addresses of the model, in full or by a unique end, as --set does.
    """
    way.check()
    vary = _read_variations(variations)
    if no_save and output is not None:
        raise click.UsageError("--output and --no-save exclude each other")
    from composer.data import LoadingOptions
    from composer.experiment import SettableModel
    from composer.training import process_group
    from composer.tuning import make_grid
    from composer.tuning import tune as evaluate

    settable = SettableModel(model)
    settings = _spread_settings(chosen, make_grid(vary), settable)
    dataset = open_dataset(chosen, on_fault, settable)
    policy = on_fault or "skip"
    folder = Path(output) if output else choose_evaluation_folder(name_model(model), "tune")
    with process_group(device) as processes, _show_progress(dataset, processes) as progress:
        tuning = evaluate(
            model,
            dataset,
            vary,
            weights=weights or None,
            settings=settings,
            metric=metric,
            tasks=tasks,
            image_size=image_size,
            loading=LoadingOptions(batch_size, num_workers=num_workers, on_fault=policy),
            prepare=_Preparation(way, processes.device),
            seed=seed,
            cache=kept.open(),
            on_batch=progress.update,
            **load_arguments,
        )
        if processes.is_first:
            files, failure = list[Path](), None
            if not no_save:
                best = None if tuning.best is None else settings[tuning.best]
                files, failure = try_writing(
                    lambda: _write(folder, tuning, best, model, weights, dataset)
                )
            _report(tuning, dataset, files, as_json=as_json)
            if failure is not None:
                raise failure


def _read_variations(texts: Sequence[str]) -> dict[str, list[Any]]:
    from composer.errors import InputError
    from composer.tuning.value_lists import parse_variation

    vary: dict[str, list[Any]] = {}
    for text in texts:
        try:
            address, values = parse_variation(text)
        except InputError as error:
            raise click.BadParameter(str(error), param_hint="--vary") from None
        if address in vary:
            raise click.BadParameter(f"'{address}' is varied twice", param_hint="--vary")
        vary[address] = values
    return vary


def _spread_settings(
    chosen: DataChoice, grid: Sequence[Mapping[str, Any]], settable: SettableModel
) -> list[list[Setting]]:
    """For each setting of the grid all that the model's spec is set to.

    Raises:
        UsageError: an address is one of the data.
    """
    documents = chosen.find(settable)
    spread = []
    for values in grid:
        settable.settings = []
        if _find_with(chosen, values, settable) != documents:
            _refuse_data(chosen, values, settable)
        spread.append(settable.settings)
    settable.settings = []
    return spread


def _find_with(chosen: DataChoice, values: Mapping[str, Any], settable: SettableModel) -> Any:
    """The datasets with a setting of the grid, whose part of the model goes to `settable`."""
    from composer.documents import ProblemLog, locate_settings

    log = ProblemLog()
    settings = [*chosen.settings, *locate_settings(values, "--vary", log)]
    log.raise_any()
    return chosen._replace(settings=settings).find(settable)


def _refuse_data(chosen: DataChoice, values: Mapping[str, Any], settable: SettableModel) -> None:
    """Names the address that is one of the data."""
    plain = chosen.find(settable)
    for address, value in values.items():
        if _find_with(chosen, {address: value}, settable) != plain:
            raise click.UsageError(
                f"--vary takes addresses of the model, and '{address}' is one of the data"
            )


class _Preparation:
    """Makes graphs as the options ask for; what was applied is printed once.

    Args:
        way: the options.
        device: where graphs run.
    """

    def __init__(self, way: InferenceWay, device: Any) -> None:
        self._way, self._device, self._is_first = way, device, True

    def __call__(self, graph: Graph) -> Graph:
        quiet, self._is_first = not self._is_first, False
        return self._way.apply(graph.to(self._device), quiet=quiet)


def _show_progress(dataset: Dataset, processes: ProcessGroup) -> EvaluationProgress:
    from composer.evaluation import EvaluationProgress

    num_images = -(-len(dataset) // processes.size)
    return EvaluationProgress(num_images, quiet=not processes.is_first)


def _write(
    folder: Path,
    tuning: Tuning,
    best: Sequence[Setting] | None,
    model: str,
    weights: Mapping[str, str],
    dataset: Dataset,
) -> list[Path]:
    """Writes metrics, plots and the best setting; returns the files."""
    from composer.files import write_json
    from composer.tuning import describe_best, plot_tuning, to_json, write_best

    files = [folder / "tuning.json"]
    document = {"model": model, "dataset": dataset.name, **to_json(tuning)}
    write_json(files[0], document, indent=2, follow_links=False)
    for ending in ("png", "svg"):
        files.append(folder / f"tuning.{ending}")
        plot_tuning(files[-1], tuning)
    if best is not None:
        doc = f"Tuned on {dataset.name}: {describe_best(tuning)}."
        files += write_best(folder, model, best, weights or None, doc=doc)
    return files


def _report(tuning: Tuning, dataset: Dataset, files: Sequence[Path], *, as_json: bool) -> None:
    """Prints the table, the best setting and the files."""
    from composer.tuning import describe_best, describe_sharing, format_tuning, to_json

    print_notes(
        f"unreadable image, counted as one without detections: {name}" for name in tuning.bad_images
    )
    if as_json:
        document = {"dataset": dataset.name, **to_json(tuning), "files": list(map(str, files))}
        click.echo(format_json(document))
        return
    click.echo(f"{dataset.name}: {count_things(len(dataset), 'image')}")
    click.echo(f"{describe_sharing(tuning)}\n")
    click.echo(format_tuning(tuning))
    click.echo(f"\n{describe_best(tuning)}")
    for file in files:
        click.echo(f"saved {file}")
