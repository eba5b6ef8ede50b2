"""Runs an experiment: opens, builds, trains, and leaves a folder that tells how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import yaml

from composer.construction import find_image_format
from composer.data.loading import TrainingBatches
from composer.experiment.annotations import require_annotations
from composer.experiment.experiment import Experiment
from composer.experiment.images import Images, open_images
from composer.experiment.measuring import make_validation, require_figures
from composer.experiment.model import build_graph, fit_spec
from composer.experiment.versions import find_versions
from composer.files import write_json, write_text
from composer.graph import Graph
from composer.language import ImageFormat
from composer.training import ProcessGroup, RunFolder, Summary, Trainer, process_group
from composer.training.checkpoint_folders import CheckpointFolders
from composer.training.parameter_groups import trainable_parameters


def run_experiment(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    device: str = "cpu",
    quiet: bool = False,
) -> Summary:
    """Trains as an experiment says.

    Started by `torchrun`, it is one of several processes that train together.

    Args:
        experiment: the experiment.
        folder: where everything goes; see `RunFolder`.
        resume: go on from the last checkpoint in the folder; from the beginning if there is none.
        device: where to compute, as in torch.device.
        quiet: show nothing on the terminal.

    Returns:
        How it ended.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    run = RunFolder(folder)
    with process_group(device) as world:
        images = open_images(experiment)
        spec = fit_spec(experiment, images.metadata)
        image_format = find_image_format(spec)
        goes_on = resume and bool(CheckpointFolders(run.checkpoints, keep=1).saved())
        graph = build_graph(experiment, spec, with_weights=not goes_on)
        require_annotations(graph, images.learnt)
        require_figures(experiment, images, graph)
        trainer = Trainer(
            graph,
            _make_batches(experiment, images, image_format, world),
            experiment.document.training,
            run,
            validation=make_validation(experiment, images, image_format, world),
            world=world,
            quiet=quiet,
        )
        if resume:
            trainer.restore()
        if world.is_first and not trainer.would_overwrite:
            describe_run(run, experiment, graph)
        return trainer.run()


def check_experiment(experiment: Experiment) -> list[str]:
    """Opens the datasets and checks the model, and tells what there is; nothing is trained.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    images = open_images(experiment)
    spec = fit_spec(experiment, images.metadata)
    find_image_format(spec)
    graph = build_graph(experiment, spec, with_weights=True)
    require_annotations(graph, images.learnt)
    require_figures(experiment, images, graph)
    learnt = trainable_parameters(graph)
    classes = ", ".join(images.metadata.thing_classes or images.metadata.stuff_classes)
    measured = "nothing" if images.measured is None else f"{len(images.measured)} images"
    return [
        f"model: {spec.name}, {sum(p.numel() for p in graph.parameters()):,} parameters, "
        f"{sum(each.parameter.numel() for each in learnt):,} of them learnt",
        f"learns from {len(images.learnt)} images, measures on {measured}",
        f"classes: {classes}",
    ]


def describe_run(run: RunFolder, experiment: Experiment, graph: Graph) -> None:
    """Writes what the run is into its folder: spec, experiment and versions."""
    write_text(run.spec, _as_yaml(graph.spec.document))
    write_text(run.experiment, _as_yaml(experiment.as_document()))
    write_json(run.versions, find_versions(graph), indent=2)


def _make_batches(
    experiment: Experiment, images: Images, image_format: ImageFormat, world: ProcessGroup
) -> TrainingBatches:
    document = experiment.document
    return document.train.make_batches(
        images.datasets,
        image_format,
        seed=document.training.seed,
        rank=world.rank,
        world_size=world.size,
    )


def _as_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=96))
