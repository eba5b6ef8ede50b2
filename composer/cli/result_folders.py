"""Default folders of results, by the model that they are of."""

from __future__ import annotations

import os
from pathlib import Path

from composer.discovery import DISTRIBUTION
from composer.files import is_there

_RUNS = Path("runs")


def choose_predictions_folder(model: str) -> Path:
    """The folder of a model's predictions, which is never that of a training run.

    Args:
        model: the model, as the user names it.
    """
    from composer.runs import is_run

    folder = _RUNS / name_model(model)
    return folder.with_name(f"{folder.name}-predictions") if is_run(folder) else folder


def choose_evaluation_folder(name: str, kind: str = "eval") -> Path:
    """A new folder for an evaluation: runs/NAME-eval, runs/NAME-eval-2, ...

    Args:
        name: the name of the model, or of the file that is evaluated.
        kind: the end of the folder's name.
    """
    from composer.visualization import FileNames

    taken = FileNames(each.name for each in _RUNS.iterdir()) if _RUNS.is_dir() else FileNames()
    return _RUNS / taken.choose(f"{name}-{kind}", "")


def name_model(model: str) -> str:
    """The name of a model's results: of its run, of its file, or of the spec with its plugin."""
    from composer.downloads import is_address, parse_address
    from composer.runs import is_run

    if is_address(model):
        return Path(parse_address(model).file_name).stem or "model"
    owner, slash, name = model.partition("/")
    if slash and "/" not in name and not is_there(model):
        return name if owner == DISTRIBUTION else f"{owner}.{name}"
    path = Path(os.path.abspath(model))
    if path.is_file() and is_run(path.parent):
        return f"{path.parent.name}-{path.stem}"
    return (path.name if path.is_dir() else path.stem) or "model"
