"""Curves of a training, drawn from its records: losses, learning rate and metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composer.figures import save_figure
from composer.json_documents import parse_json_document
from composer.training.log_writers import EVALUATION, ITERATION
from composer.training.losses import TOTAL_LOSS
from composer.training.progress import LR
from composer.training.validation import VALIDATION_LOSSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = tuple[list[int], list[float]]  # iterations and values

_VALIDATION = f"{VALIDATION_LOSSES}/"
_MAX_CURVES = 12  # in a plot, so that its legend can be read

_log = logging.getLogger("composer.training")


def write_curves(records: Path, folder: Path) -> list[Path]:
    """Draws the curves of a training as PNG files.

    Args:
        records: the file of records, a line of JSON each.
        folder: folder of the files.

    Returns:
        `losses.png`, `learning_rate.png`, and `metrics.png` if there was an evaluation.
    """
    training, evaluation = read_curves(records)
    losses = {name: curve for name, curve in training.items() if name.startswith("loss")}
    losses |= {name: curve for name, curve in training.items() if name == TOTAL_LOSS}
    losses |= {name: evaluation[name] for name in evaluation if name.startswith(_VALIDATION)}
    metrics = {name: evaluation[name] for name in _choose_metrics(list(evaluation))}
    plots = {
        "losses.png": ("Losses", losses),
        "learning_rate.png": ("Learning rate", {n: training[n] for n in (LR,) if n in training}),
        "metrics.png": ("Metrics of the evaluations", metrics),
    }
    return [
        _save(folder / name, title, curves) for name, (title, curves) in plots.items() if curves
    ]


def read_curves(records: Path) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """The values by name over iterations: those of the training, and those of evaluations.

    Lines that were cut off and values that are not finite are left out.
    """
    training: dict[str, Curve] = {}
    evaluation: dict[str, Curve] = {}
    for line in records.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record: dict[str, Any] = parse_json_document(line)
            iteration = int(record.pop(ITERATION))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue
        curves = evaluation if record.pop("kind", "") == EVALUATION else training
        for name, value in record.items():
            if isinstance(value, (int, float)):
                iterations, values = curves.setdefault(name, ([], []))
                iterations.append(iteration)
                values.append(value)
    return training, evaluation


def _choose_metrics(names: Sequence[str]) -> list[str]:
    """The summaries of each task (`bbox/AP`), without their details if there are many."""
    known = [name for name in names if not name.startswith(_VALIDATION)]
    if len(known) <= _MAX_CURVES:
        return known
    firsts = {name.partition("/")[0]: name for name in reversed(known)}
    chosen = list(reversed(firsts.values()))
    chosen += [name for name in known if name.endswith(("AP50", "AP75")) and name not in chosen]
    return chosen[:_MAX_CURVES]


def _save(path: Path, title: str, curves: Mapping[str, Curve]) -> Path:
    save_figure(path, partial(_draw_alone, title, curves), follow_links=False)
    return path


def _draw_alone(title: str, curves: Mapping[str, Curve]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    _draw(axes, title, curves)
    return figure


def _draw(axes: Axes, title: str, curves: Mapping[str, Curve]) -> None:
    for name, (iterations, values) in list(curves.items())[:_MAX_CURVES]:
        is_total = name == TOTAL_LOSS
        axes.plot(
            iterations,
            values,
            label=name,
            color="black" if is_total else None,
            linewidth=2 if is_total else 1.2,
            linestyle="--" if name.startswith(_VALIDATION) else "-",
            marker="." if len(values) < 30 else None,
        )
    axes.set(xlabel="iteration")
    axes.set_title(title, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
