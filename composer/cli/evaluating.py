"""What `composer eval` does, step by step."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from tqdm import tqdm

from composer.cli.counts import count_things
from composer.cli.data_source import find_datasets
from composer.cli.eval_files import write_files
from composer.cli.eval_request import EvalRequest
from composer.data.data_file import open_datasets
from composer.data.dataset import Dataset
from composer.evaluation import (
    AugmentedPredictor,
    Evaluator,
    PanopticEvaluator,
    Results,
    evaluate_graph,
    make_batches,
    make_evaluators,
    read_results,
)
from composer.evaluation.graph_evaluation import list_outputs
from composer.evaluation.panoptic_results import PanopticWriter
from composer.evaluation.results_evaluation import give_detections
from composer.graph import Graph
from composer.prediction.models import open_model
from composer.training.process_group import ProcessGroup, process_group


def evaluate_request(request: EvalRequest) -> None:
    """Measures what is asked for, and tells of it.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    dataset = _open_dataset(request)
    if request.predictions is not None:
        detections = read_results(request.predictions, dataset)
        evaluators = give_detections(detections, request.find_tasks())
        results = Results.join(evaluator.results() for evaluator in evaluators)
        _conclude(request, dataset, evaluators, results)
        return
    with process_group(request.device or "cpu") as world:
        graph = _open_graph(request).to(world.device)
        evaluators = _make_evaluators(request, graph, dataset)
        results = _evaluate(request, graph, dataset, evaluators, world)
        if world.is_first:
            _conclude(request, dataset, evaluators, results)


def _open_dataset(request: EvalRequest) -> Dataset:
    documents = find_datasets(request.data, request.images, request.names, request.data_settings)
    if request.on_fault is not None:
        change = {"on_fault": request.on_fault}
        documents = {name: found.model_copy(update=change) for name, found in documents.items()}
    return open_datasets(documents)


def _open_graph(request: EvalRequest) -> Graph:
    assert request.model is not None
    return open_model(request.model, request.weights or None, settings=request.settings)


def _make_evaluators(request: EvalRequest, graph: Graph, dataset: Dataset) -> list[Evaluator]:
    evaluators = make_evaluators(
        dataset,
        request.find_tasks(),
        outputs=list_outputs(graph),
        on_fault=request.on_fault or "skip",
    )
    is_panoptic = any(isinstance(evaluator, PanopticEvaluator) for evaluator in evaluators)
    if request.folder is not None and is_panoptic:
        evaluators.append(PanopticWriter(dataset, request.folder))
    return evaluators


def _evaluate(
    request: EvalRequest,
    graph: Graph,
    dataset: Dataset,
    evaluators: Sequence[Evaluator],
    world: ProcessGroup,
) -> Results:
    options: dict[str, Any] = {} if request.tta_sizes is None else {"sizes": request.find_sizes()}
    predict = AugmentedPredictor(graph, **options) if request.tta else None
    batches = make_batches(
        graph,
        dataset,
        batch_size=request.batch_size or 1,
        num_workers=request.num_workers or 0,
        resize=predict is None,
        image_size=request.image_size,
        on_fault=request.on_fault or "skip",
    )
    quiet = not (world.is_first and sys.stderr.isatty())
    with tqdm(total=batches.num_images, unit="image", leave=False, disable=quiet) as bar:
        results = evaluate_graph(
            graph,
            dataset,
            evaluators=evaluators,
            predict=predict,
            batches=batches,
            on_batch=bar.update,
        )
    for file_name in batches.bad_images:
        click.echo(f"could not be used, so nothing was found in it: {file_name}", err=True)
    return results


def _conclude(
    request: EvalRequest, dataset: Dataset, evaluators: Sequence[Evaluator], results: Results
) -> None:
    """Writes the files and prints what there is to say."""
    notes: list[str] = []
    written = []
    if request.folder is not None:
        plots = not request.no_plots
        written = write_files(request.folder, evaluators, results, notes, plots=plots)
    if request.as_json:
        document = {**results.to_json(), "dataset": dataset.name, "files": list(map(str, written))}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{dataset.name}: {count_things(results.num_images, 'image')}")
    click.echo(f"\n{results}")
    for task in results.tasks if request.per_class else ():
        if results.tasks[task].per_class:
            click.echo(f"\n{task}\n{results.class_table(task)}")
    click.echo()
    for note in notes:
        click.echo(note)
    for file in written:
        click.echo(f"saved {file}")
