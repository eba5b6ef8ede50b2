"""Plots of an evaluation, drawn with matplotlib.

Legend: K classes.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Int

from composer.escapes import escape_name
from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.coco_scores import CocoScores, DetectionMarks
from composer.evaluation.coco_truth import CocoTask
from composer.evaluation.confusion import count_confusions
from composer.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PlotFormat = Literal["svg", "png", "pdf"]

_BLUE, _RED, _GREY = "#2f6690", "#c8553d", "#8d99ae"
_SHADES = ("#16425b", "#2f6690", "#81a4cd", "#c2d3e6")
_MAX_CLASSES = 40  # of a confusion matrix, so that its names can be read
_NUM_BINS = 25
_SIZES = ("all", "small", "medium", "large")


def write_plots(
    folder: str | os.PathLike[str], evaluator: CocoEvaluator, file_format: PlotFormat = "png"
) -> list[Path]:
    """Draws precision and recall, sizes and scores for each task, and the confusion matrix.

    Args:
        folder: folder of the files.
        evaluator: an evaluator whose results were computed.
        file_format: format of the files.

    Returns:
        The files.
    """
    drawings: dict[str, Callable[[Any], None]] = {}
    for task, scores in evaluator.scores.items():
        drawings[f"{task}_precision_recall"] = _precision_recall(scores, task)
        drawings[f"{task}_sizes"] = _sizes(scores, task)
        drawings[f"{task}_scores"] = _score_histogram(scores.marks, task)
    classes = evaluator.dataset.metadata.thing_labels
    if "bbox" in evaluator.scores and 0 < len(classes) <= _MAX_CLASSES:
        counts = count_confusions(evaluator.detections)
        drawings["confusion"] = _confusion(counts, classes)
    return [_save(Path(folder) / f"{name}.{file_format}", draw) for name, draw in drawings.items()]


def _save(path: Path, draw: Callable[[Any], None]) -> Path:
    save_figure(path, partial(_draw_alone, draw), follow_links=False)
    return path


def _draw_alone(draw: Callable[[Any], None]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    return figure


def _precision_recall(scores: CocoScores, task: CocoTask) -> "Callable[[Axes], None]":
    """Precision over recall at several overlaps, the mean of the classes that have objects."""

    def draw(axes: "Axes") -> None:
        measure = "similarity" if task == "keypoints" else "overlap"
        for overlap, shade in zip((0.5, 0.75, 0.9), _SHADES, strict=False):
            at = int(np.abs(np.array(scores.overlaps) - overlap).argmin())
            curves = scores.precision[at, :, :, 0, -1]
            defined = curves[:, (curves > -1).all(axis=0)]
            if defined.size == 0:
                continue
            mean = defined.mean(axis=1)
            label = f"{measure} {overlap:.2f}: AP {mean.mean():.3f}"
            recall = np.linspace(0, 1, len(mean))
            axes.plot(recall, mean, color=shade, linewidth=2, label=label)
            axes.fill_between(recall, mean, color=shade, alpha=0.06)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"Precision and recall ({task})", loc="left")
        axes.grid(alpha=0.25)
        _add_legend(axes)

    return draw


def _sizes(scores: CocoScores, task: CocoTask) -> "Callable[[Axes], None]":
    """Average precision and recall of small, medium and large objects."""

    def draw(axes: "Axes") -> None:
        names = [name for name in _SIZES if name in scores.ranges]
        places = np.arange(len(names))
        measures = {
            "average precision": ([scores.average_precision(size=n) for n in names], _BLUE, -0.2),
            "average recall": ([scores.average_recall(size=n) for n in names], _GREY, 0.2),
        }
        for label, (values, color, shift) in measures.items():
            bars = axes.bar(places + shift, np.nan_to_num(values), 0.38, color=color, label=label)
            texts = ["none" if np.isnan(value) else f"{value:.2f}" for value in values]
            axes.bar_label(bars, texts, padding=2, fontsize=9)
        axes.set_xticks(places, names)
        axes.set(ylim=(0, 1.1), ylabel="mean over overlaps")
        axes.set_title(f"By size of object ({task})", loc="left")
        axes.legend(frameon=False, loc="upper left", ncols=2)

    return draw


def _score_histogram(marks: DetectionMarks, task: CocoTask) -> "Callable[[Axes], None]":
    """Histogram of the scores of right and wrong detections."""

    def draw(axes: "Axes") -> None:
        edges = np.linspace(0, 1, _NUM_BINS + 1)
        right, wrong = marks.scores[marks.are_right], marks.scores[~marks.are_right]
        labels = [f"right ({len(right)})", f"wrong ({len(wrong)})"]
        axes.hist([right, wrong], edges.tolist(), stacked=True, color=[_BLUE, _RED], label=labels)
        axes.set(xlabel="score", ylabel="detections", xlim=(0, 1))
        axes.set_title(f"Scores of detections ({task})", loc="left")
        _add_legend(axes)

    return draw


def _confusion(
    counts: Int[np.ndarray, "K+1 K+1"], classes: Sequence[str]
) -> "Callable[[Axes], None]":
    """The confusion matrix, as shares of each true class."""

    def draw(axes: "Axes") -> None:
        totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        shares = counts / totals
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        ticks = np.arange(len(classes) + 1)
        size = 10 if len(classes) <= 12 else 6
        # Names are no formulas, though one may have the dollar signs of some.
        names = [*map(escape_name, classes)]
        axes.set_xticks(ticks, [*names, "missed"], rotation=90, fontsize=size, parse_math=False)
        axes.set_yticks(ticks, [*names, "nothing"], fontsize=size, parse_math=False)
        axes.set(xlabel="detected as", ylabel="true class")
        axes.set_title("Confusion of classes (score and overlap from 0.5)", loc="left")
        if len(classes) <= 20:
            for row, column in zip(*np.nonzero(counts), strict=True):
                color = "white" if shares[row, column] > 0.5 else "black"
                text = str(counts[row, column])
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)

    return draw


def _add_legend(axes: "Axes") -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
