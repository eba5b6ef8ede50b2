"""The files of an evaluation: metrics, detections, proposals and plots."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.evaluator import Evaluator, InstanceEvaluator
from composer.evaluation.panoptic_results import PanopticWriter
from composer.evaluation.plots import write_plots
from composer.evaluation.proposal_evaluator import ProposalEvaluator
from composer.evaluation.results import Results
from composer.files import make_subfolder, write_json


def write_evaluation(
    folder: str | os.PathLike[str],
    evaluators: Sequence[Evaluator],
    results: Results,
    *,
    plots: bool = True,
) -> list[Path]:
    """Writes metrics, detections, proposals and plots.

    Args:
        folder: the folder of the files; it is made.
        evaluators: the evaluators of the results.
        results: the metrics.
        plots: draw plots.

    Returns:
        The files and folders.
    """
    folder = Path(folder)
    written = [folder / "results.json"]
    write_json(written[0], results.to_json(), indent=2, follow_links=False)
    if any(isinstance(evaluator, PanopticWriter) for evaluator in evaluators):
        written.append(folder / "panoptic.json")
    of_instances = [one for one in evaluators if isinstance(one, InstanceEvaluator)]
    if of_instances:
        written.append(folder / "coco_results.json")
        shared = of_instances[0].detections
        write_json(written[-1], shared.to_coco(), follow_links=False)
    for evaluator in evaluators:
        if isinstance(evaluator, ProposalEvaluator):
            written.append(folder / "proposals.json")
            write_json(written[-1], evaluator.to_coco(), follow_links=False)
    coco = [one for one in evaluators if isinstance(one, CocoEvaluator)]
    if coco and plots:
        make_subfolder(folder, "plots")
        for evaluator in coco:
            write_plots(folder / "plots", evaluator)
        written.append(folder / "plots")
    return written
