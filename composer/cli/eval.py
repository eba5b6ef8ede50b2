"""`composer eval`: evaluates a model on a dataset."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from composer.cli.cache_options import KeptValues, cache_options, describe_use, keeping
from composer.cli.data_choice import DataChoice, collect_data_choice
from composer.cli.edit_options import EditChoice, edit_option
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
    set_option,
    weights_option,
)
from composer.cli.output import count_things, format_json, print_notes, try_writing
from composer.cli.result_folders import choose_evaluation_folder, name_model
from composer.cli.snapshot_options import save_on_error_option, saving_on_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import Dataset, FaultPolicy, ImageSize, InferenceBatches
    from composer.evaluation import AugmentedPredictor, Evaluator, Results
    from composer.graph import Graph, LoadArguments

# Options that say how a model runs; predictions in a file take none of them.
_OF_MODELS = (
    "weights",
    "tta",
    "image_size",
    "batch_size",
    "num_workers",
    "edits",
    "precision",
    "optimize",
    "engine",
    "calibrate",
    "device",
    "cache_folder",
    "cache_limit",
    "save_on_error",
)


def _parse_sizes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(size) for size in text.split(","))
    except ValueError:
        raise click.BadParameter(f"'{text}' is no list of numbers, such as 600,800") from None


@click.command("eval", short_help="Evaluate a model on a dataset.")
@click.argument("model", required=False)
@data_option()
@images_option()
@format_option()
@dataset_option(default="all, joined")
@weights_option()
@loading_options
@set_option("Set a value of the model or the data; repeatable.")
@collect_data_choice
@click.option(
    "--predictions",
    metavar="FILE",
    help="Detections (COCO's results) to evaluate in place of a model.",
)
@tasks_option()
@click.option(
    "--tta", is_flag=True, help="Test-time augmentation: each image in several sizes and mirrored."
)
@click.option(
    "--tta-sizes",
    callback=_parse_sizes,
    metavar="SIZE,...",
    help="Shorter sides for --tta.  [default: 400..1200]",
)
@image_size_option()
@batch_size_option()
@num_workers_option()
@on_fault_option()
@edit_option()
@inference_options(by_default=True)
@cache_options
@save_on_error_option()
@offline_option()
@device_option()
@click.option("--per-class", is_flag=True, help="Print the metrics of each class, too.")
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    help="Folder of all files.  [default: a new one, runs/<model>-eval, runs/<model>-eval-2, ...]",
)
@click.option("--no-save", is_flag=True, help="Write no files.")
@click.option("--no-plots", is_flag=True, help="Draw no plots.")
@json_option()
@click.pass_context
def eval_command(
    context: click.Context,
    *,
    model: str | None,
    chosen: DataChoice,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    predictions: str | None,
    tasks: Sequence[str] | None,
    tta: bool,
    tta_sizes: tuple[int, ...] | None,
    image_size: ImageSize | None,
    batch_size: int,
    num_workers: int,
    on_fault: FaultPolicy | None,
    edits: EditChoice,
    way: InferenceWay,
    kept: KeptValues,
    save_on_error: bool,
    device: str,
    per_class: bool,
    output: str | None,
    no_save: bool,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Evaluate MODEL on a dataset.

    MODEL is a checkpoint that describes itself, the folder of a run, a spec with --weights, a
    model that ships, or an experiment, which is its spec with its settings and initial weights.

    Written are the metrics (results.json), the detections as COCO's servers take them
    (coco_results.json; panoptic.json with its PNG files), the proposals of a model that returns
    them (proposals.json), and plots.

    --set takes addresses of the model and of the data, in full or by a unique end:
    model.score_threshold=0.5, datasets.val.annotations=x.json.

    Several processes: torchrun --nproc-per-node 2 -m composer eval ...
    """
    _check_usage(context)
    way.check()
    cache = kept.open()
    from composer.data import LoadingOptions
    from composer.evaluation import list_outputs, make_batches, make_evaluators
    from composer.experiment import SettableModel
    from composer.graph import Graph, require_weights
    from composer.training import process_group

    settable = SettableModel(model)
    dataset = open_dataset(chosen, on_fault, settable)
    evaluated = Path(predictions or "").stem if model is None else name_model(model)
    given = Path(output) if output else choose_evaluation_folder(evaluated)
    folder = None if no_save else given
    report = partial(
        _report,
        folder=folder,
        plots=not no_plots,
        per_class=per_class,
        as_json=as_json,
        edits=edits,
    )
    if predictions is not None:
        report(dataset, *_evaluate_file(predictions, dataset, tasks))
        return
    with process_group(device) as processes:
        graph = Graph.open(model or "", weights or None, set=settable.settings, **load_arguments)
        graph = graph.to(processes.device)
        require_weights(graph)
        graph = way.apply(graph)
        outputs, policy = list_outputs(graph), on_fault or "skip"
        evaluators = make_evaluators(
            dataset, tasks, outputs=outputs, on_fault=policy, folder=folder
        )
        predict = _augment(graph, tta_sizes) if tta else None
        loading = LoadingOptions(batch_size, num_workers=num_workers, on_fault=policy)
        batches = make_batches(
            graph, dataset, loading, resize=predict is None, image_size=image_size
        )
        texts = [f"{each.address}={json.dumps(each.value.plain())}" for each in settable.settings]
        saving = saving_on_error(model or "", texts, is_asked=save_on_error)
        with keeping(graph, cache), edits.hold(graph), saving:
            results = _evaluate(
                graph, dataset, evaluators, predict, batches, quiet=not processes.is_first
            )
        if processes.is_first:
            print_notes([] if cache is None else describe_use(cache, graph))
            report(dataset, evaluators, results)


def _check_usage(context: click.Context) -> None:
    """Refuses options that exclude each other."""
    options = context.params
    if (options["model"] is None) == (options["predictions"] is None):
        raise click.UsageError("give either a MODEL or --predictions FILE")
    for option in context.command.params if options["model"] is None else ():
        source = context.get_parameter_source(option.name or "")
        if option.name in _OF_MODELS and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} goes with a MODEL, not with --predictions")
    if options["tta_sizes"] is not None and not options["tta"]:
        raise click.UsageError("--tta-sizes goes with --tta")
    if options["tta"] and options["image_size"] is not None:
        raise click.UsageError("--tta uses several sizes: name them with --tta-sizes")
    if options["no_save"] and options["output"] is not None:
        raise click.UsageError("--output and --no-save exclude each other")


def _augment(graph: Graph, sizes: Sequence[int] | None) -> AugmentedPredictor:
    from composer.evaluation import TEST_SIZES, AugmentedPredictor

    return AugmentedPredictor(graph, sizes=sizes or TEST_SIZES)


def _evaluate_file(
    predictions: str, dataset: Dataset, tasks: Sequence[str] | None
) -> tuple[Sequence[Evaluator], Results]:
    from composer.evaluation import Results, give_detections, read_results

    evaluators = give_detections(read_results(predictions, dataset), tasks)
    return evaluators, Results.join(evaluator.results() for evaluator in evaluators)


def _evaluate(
    graph: Graph,
    dataset: Dataset,
    evaluators: Sequence[Evaluator],
    predict: AugmentedPredictor | None,
    batches: InferenceBatches,
    *,
    quiet: bool,
) -> Results:
    """Evaluates with its progress on the standard error, and lists unreadable images."""
    from composer.evaluation import EvaluationProgress, evaluate_graph

    with EvaluationProgress(batches.num_images, quiet=quiet) as progress:
        results = evaluate_graph(
            graph,
            dataset,
            evaluators=evaluators,
            predict=predict,
            batches=batches,
            on_batch=progress.update,
        )
    print_notes(
        f"unreadable image, counted as one without detections: {name}"
        for name in batches.bad_images
    )
    return results


def _report(
    dataset: Dataset,
    evaluators: Sequence[Evaluator],
    results: Results,
    *,
    folder: Path | None,
    plots: bool,
    per_class: bool,
    as_json: bool,
    edits: EditChoice,
) -> None:
    """Writes the files and prints the metrics."""
    from composer.evaluation import write_evaluation

    files, failure = list[Path](), None
    if folder is not None:
        files, failure = try_writing(
            partial(write_evaluation, folder, evaluators, results, plots=plots)
        )
    if as_json:
        document = {**results.to_json(), "dataset": dataset.name, "files": list(map(str, files))}
        if edits.texts:
            document["edits"] = edits.to_json()
        click.echo(format_json(document))
    else:
        _print_metrics(dataset, results, files, per_class=per_class)
    if failure is not None:
        raise failure


def _print_metrics(
    dataset: Dataset, results: Results, files: Sequence[Path], *, per_class: bool
) -> None:
    click.echo(f"{dataset.name}: {count_things(results.num_images, 'image')}")
    click.echo(f"\n{results}")
    for task in results.tasks if per_class else ():
        if results.tasks[task].per_class:
            click.echo(f"\n{task}\n{results.class_table(task)}")
    click.echo()
    for file in files:
        click.echo(f"saved {file}")
