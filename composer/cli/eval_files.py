"""The files that `composer eval` leaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.evaluation import (
    CocoEvaluator,
    Evaluator,
    ProposalEvaluator,
    Results,
    write_results,
)
from composer.evaluation.instance_evaluator import InstanceEvaluator
from composer.evaluation.panoptic_results import PanopticWriter
from composer.evaluation.plots import can_plot, save_plots
from composer.files import write_json


def write_files(
    folder: Path,
    evaluators: Sequence[Evaluator],
    results: Results,
    notes: list[str],
    *,
    plots: bool,
) -> list[Path]:
    """Writes figures, detections and plots.

    Args:
        folder: where they go.
        evaluators: those that gave the results.
        results: the figures.
        notes: gets what is to be said about files that are not written.
        plots: whether plots are wanted.

    Returns:
        The files and folders.
    """
    written = [folder / "results.json"]
    results.save(written[0])
    if any(isinstance(evaluator, PanopticWriter) for evaluator in evaluators):
        written.append(folder / "panoptic.json")
    of_instances = [one for one in evaluators if isinstance(one, InstanceEvaluator)]
    if of_instances:
        written.append(folder / "coco_results.json")
        write_results(written[-1], of_instances[0].detections)  # all were given the same
    measured = [one for one in evaluators if isinstance(one, CocoEvaluator)]
    for evaluator in evaluators:
        if isinstance(evaluator, ProposalEvaluator):
            written.append(folder / "proposals.json")
            write_json(written[-1], evaluator.to_coco())
    if plots and measured and not can_plot():
        notes.append("no plots: they need matplotlib, pip install 'detection-composer[plots]'")
    elif plots and measured:
        for evaluator in measured:
            save_plots(folder / "plots", evaluator)
        written.append(folder / "plots")
    return written
