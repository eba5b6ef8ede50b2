"""Running and checking an experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from composer.construction import find_image_format
from composer.data import TrainingBatches
from composer.errors import CheckpointError
from composer.experiment.annotation_check import (
    require_annotations,
    without_mirrored_keypoints,
)
from composer.experiment.class_weights import fill_class_weights
from composer.experiment.datasets import Datasets, open_experiment_data
from composer.experiment.evaluation_setup import make_validation, require_metrics
from composer.experiment.experiment import Experiment
from composer.experiment.initial_weights import InitialModel, make_initial_model
from composer.experiment.model import fit_spec
from composer.experiment.model_settings import find_model_parts
from composer.experiment.training_cache import TrainingCache
from composer.experiment.versions import find_versions
from composer.files import check_new_folder, write_json, write_text
from composer.graph import Graph
from composer.json_documents import read_json_document
from composer.language import ImageFormat
from composer.plurals import count_noun
from composer.runs import CheckpointFolders, RunFolder, check_no_training
from composer.training import (
    ProcessGroup,
    Summary,
    Trainer,
    group_parameters,
    process_group,
    trainable_parameters,
)
from composer.value_cache import CacheFolder


def run_experiment(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    cache: CacheFolder | None = None,
) -> Summary:
    """Trains the model of an experiment, and writes a run folder.

    Started by `torchrun`, this is one of several processes of the training.

    Args:
        experiment: the experiment.
        folder: the run folder; see `RunFolder`.
        resume: resume from the last checkpoint in the folder, if there is one.
        device: device, as in torch.device.
        quiet: print nothing.
        cache: a folder in which values of frozen nodes are kept, where batches come again.

    Returns:
        Status, metrics and best value of the training.

    Raises:
        ComposerError: for mistakes in the experiment, its data or its checkpoints.
        OSError: the folder cannot be written.
    """
    check_new_folder(folder)
    run = RunFolder(folder)
    if not resume:
        check_no_training(run)
    with process_group(device) as processes:
        datasets = open_experiment_data(experiment)
        is_resumed = resume and _find_last(run) is not None
        model = (_resume_model if is_resumed else _make_model)(experiment, datasets, run)
        graph = model.graph
        image_format = find_image_format(graph.spec)
        require_annotations(graph, datasets.train)
        datasets = without_mirrored_keypoints(experiment, datasets, graph)
        require_metrics(experiment, datasets, graph)
        kept = TrainingCache.choose(cache, experiment, graph, processes)
        trainer = Trainer(
            graph,
            _make_batches(experiment, datasets, image_format, processes),
            experiment.document.training,
            run,
            validation=make_validation(
                experiment,
                datasets,
                image_format,
                processes,
                folder=run.evaluation,
                quiet=quiet or not processes.is_first,
            ),
            processes=processes,
            quiet=quiet,
            cache=kept.cache,
        )
        if resume:
            trainer.restore()
        for line in fill_class_weights(graph, datasets.train):
            if processes.is_first and not quiet:
                print(line, flush=True)
        if processes.is_first and not trainer.would_overwrite:
            describe_run(run, experiment, graph)
            if not is_resumed:
                _report_weights(run, model, quiet=quiet)
        say = _say_nothing if quiet or not processes.is_first else _say
        say(kept.plan)
        summary = trainer.run()
        say(kept.describe_use())
        return summary


def _say(line: str) -> None:
    if line:
        print(line, flush=True)


def _say_nothing(_: str) -> None:
    pass


def _find_last(run: RunFolder) -> int | None:
    """Iterations of the last checkpoint of a run; None if it has none."""
    return max(CheckpointFolders(run.checkpoints, keep=1).saved(), default=None)


def check_experiment(
    experiment: Experiment,
    folder: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
) -> list[str]:
    """Opens the datasets and builds the model without training; a summary in lines.

    Args:
        experiment: the experiment.
        folder: the run folder, if it is to be checked, too; it is not made.
        resume: whether the training in the folder would be resumed.

    Raises:
        ComposerError: for mistakes in the experiment, its data or its checkpoints; there is a
            training in the folder that would not be resumed.
        OSError: the folder could not be made.
    """
    begin = [] if folder is None else _check_run_folder(RunFolder(folder), resume=resume)
    datasets = open_experiment_data(experiment)
    spec = fit_spec(experiment, datasets.metadata)
    find_image_format(spec)
    model = _make_model(experiment, datasets, only_at_hand=True)
    graph = model.graph
    without_mirrored_keypoints(experiment, datasets, graph)
    require_metrics(experiment, datasets, graph)
    class_weights = fill_class_weights(graph, datasets.train)
    group_parameters(graph, experiment.document.training.optimizer)  # refuses wrong exceptions
    trainable = trainable_parameters(graph)
    classes = ", ".join(datasets.metadata.thing_labels or datasets.metadata.stuff_labels)
    validation = datasets.validation
    size = "no evaluation"
    if validation is not None:
        size = f"validation: {count_noun(len(validation), 'image')}"
    return [
        f"model: {spec.label}, {sum(p.numel() for p in graph.parameters()):,} parameters, "
        f"{sum(each.parameter.numel() for each in trainable):,} of them trainable",
        f"training set: {count_noun(len(datasets.train), 'image')}, {size}",
        f"classes: {classes}",
        *model.lines,
        *class_weights,
        *begin,
    ]


def _check_run_folder(run: RunFolder, *, resume: bool) -> list[str]:
    """Makes sure that a training can be in a folder; a line if it is to be resumed.

    Raises:
        TrainingError: there is one that would not be resumed.
        OSError: the folder could not be made.
    """
    check_new_folder(run.path)
    if not resume:
        check_no_training(run)
        return []
    if (last := _find_last(run)) is None:
        return [f"{run.path}: it has no checkpoint yet; the training begins anew"]
    return [f"{run.path}: it is resumed after {count_noun(last, 'iteration')}, with those weights"]


def _make_model(
    experiment: Experiment,
    datasets: Datasets,
    _: RunFolder | None = None,
    *,
    only_at_hand: bool = False,
) -> InitialModel:
    """The model with its initial weights."""
    own = find_model_parts(experiment.spec).weights
    return make_initial_model(
        experiment,
        lambda values: fit_spec(experiment, datasets.metadata, values),
        own,
        only_at_hand=only_at_hand,
        check=lambda graph: require_annotations(graph, datasets.train),
    )


def _resume_model(experiment: Experiment, datasets: Datasets, run: RunFolder) -> InitialModel:
    """The model as it was when the training began, without weights: a checkpoint has them."""
    unfrozen: dict[str, Any] = {}
    if experiment.document.from_scratch and run.initial_weights.is_file():
        unfrozen = _read_unfrozen(run.initial_weights)
    spec = fit_spec(experiment, datasets.metadata, unfrozen)
    graph = Graph.open(spec, {}, seed=experiment.document.training.seed)
    return InitialModel(graph, (), unfrozen)


def _read_unfrozen(file: Path) -> dict[str, Any]:
    """The settings that a training has without trained weights, as `_report_weights` wrote them.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        return dict(read_json_document(file)["unfrozen"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise CheckpointError(
            f"{file}: the training cannot be resumed without what this file says: {reason}. Start "
            "the training anew in another folder."
        ) from error


def _report_weights(run: RunFolder, model: InitialModel, *, quiet: bool) -> None:
    """Writes where the initial weights come from, and prints it."""
    document = {"sources": list(model.lines), "unfrozen": dict(model.unfrozen)}
    write_json(run.initial_weights, document, indent=2)
    if not quiet:
        print("\n".join(model.lines), flush=True)


def describe_run(run: RunFolder, experiment: Experiment, graph: Graph) -> None:
    """Writes spec, experiment and versions into the run folder."""
    write_text(run.spec, _as_yaml(graph.spec.document), follow_links=False)
    write_text(run.experiment, _as_yaml(experiment.as_document()), follow_links=False)
    write_json(run.versions, find_versions(graph), indent=2, follow_links=False)


def _make_batches(
    experiment: Experiment, datasets: Datasets, image_format: ImageFormat, processes: ProcessGroup
) -> TrainingBatches:
    document = experiment.document
    return document.train.make_batches(
        datasets.by_name,
        image_format,
        seed=document.training.seed,
        rank=processes.rank,
        world_size=processes.size,
    )


def _as_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=96))
