"""The sections of an experiment that take settings: its own, its data file and its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.data import DataFile
from composer.discovery import Homes, find_model, find_published
from composer.documents import (
    DocumentSource,
    Located,
    Problem,
    ProblemLog,
    SettableDocument,
    Setting,
    apply_settings,
    find_beside,
    find_folder,
    give_params,
    read_root,
    spread_sections,
)
from composer.errors import ComposerError, PluginError, SpecError
from composer.experiment.data_sections import DATASETS, MODEL, apply_groups, open_data
from composer.experiment.experiment_document import ExperimentDocument
from composer.experiment.model_settings import SettableModel
from composer.files import is_there
from composer.model_source import find_model_source
from composer.runs import is_run

_SPEC = "spec"


@dataclass(frozen=True)
class Sections:
    """The targets of an experiment's settings.

    Args:
        experiment: the experiment's own document.
        data: the data file, or None if the datasets are in the experiment.
        data_folder: the folder of relative paths in the data file.
        model: the model.
    """

    experiment: SettableDocument[ExperimentDocument]
    data: SettableDocument[DataFile] | None
    data_folder: Path
    model: SettableModel


def apply_to_experiment(
    source: DocumentSource,
    settings: Sequence[Setting],
    log: ProblemLog,
    *,
    data: DocumentSource | None,
    folder: Path,
    model: SettableModel | None = None,
) -> Sections:
    """Reads an experiment with its data file, and applies its own settings and others.

    Args:
        source: the experiment: a file, or the values themselves.
        settings: the settings, which come after those of the experiment's section `set:`.
        log: takes all problems.
        data: a data file in place of the experiment's datasets.
        folder: the folder of relative paths in the experiment.
        model: a model that `settings` are for, in place of the experiment's.

    Raises:
        SpecError: a document cannot be read at all.
    """
    experiment = SettableDocument(read_root(source, log), ExperimentDocument, log)
    rest = give_params(settings, [experiment])
    own = spread_sections(experiment.settings, (MODEL, DATASETS))
    others = spread_sections(rest, (MODEL, DATASETS))
    references = [one for one in (*own, *others) if one.address in (_SPEC, DATASETS)]
    apply_settings(references, [experiment], log)
    if data is None:
        data = _find_data(experiment, folder)
    else:
        _refuse_datasets([one for one in others if one.address == DATASETS], log)
    opened = None if data is None else open_data(data, log)
    if opened is not None:
        _leave_out_datasets(experiment)
    written = experiment.document.get(_SPEC)
    place = None if written is None else written.place
    named = SettableModel(_find_model(experiment, folder), log, place)
    groups = [(own, named), (others, named if model is None else model)]
    apply_groups(groups, experiment, opened, references, log)
    return Sections(experiment, opened, Path() if data is None else find_folder(data), named)


def find_spec(written: str, folder: Path, written_in: str = "") -> tuple[str, str]:
    """The file, run folder or qualified name of a model in a document, and a remark on the choice.

    Args:
        written: the name as written.
        folder: the folder of relative paths in the document.
        written_in: the document.
    """
    home = Homes.installed().find(written_in)
    try:
        published = find_model(written, home)  # a note: somebody publishes a spec of that name
        if published is None or not published.note:
            published = find_published(written, home)
    except PluginError:
        published = None  # which reading the spec reports, if there is no file
    if published is None or published.qualified != written:
        for candidate in (written, f"{written}.yaml"):
            found = find_beside(candidate, folder)
            if is_there(found) and (found.is_file() or is_run(found)):
                return str(found), ""
    return (written, "") if published is None else (published.qualified, published.note)


def _find_data(
    experiment: SettableDocument[ExperimentDocument], folder: Path
) -> DocumentSource | None:
    """The data file that an experiment names; None if its datasets are written in it."""
    datasets = experiment.document.get(DATASETS)
    if datasets is None or not isinstance(datasets.value, str):
        return None
    return find_beside(datasets.value, folder)


def _find_model(experiment: SettableDocument[ExperimentDocument], folder: Path) -> str | None:
    spec = experiment.document.get(_SPEC)
    if spec is None or not isinstance(spec.value, str):
        return None
    found, _ = find_spec(spec.value, folder, (spec.origin or spec.place).source)
    if _is_experiment(found):  # which may name this one
        hint = f"Name the spec of '{spec.value}', or the folder of its run."
        message = "an experiment trains a model, and this is another experiment"
        raise SpecError([Problem(spec.place, message, hint, spec.origin)])
    return found


def _is_experiment(model: str) -> bool:
    if not is_there(model) or not Path(model).is_file():
        return False
    try:
        return find_model_source(model).kind == "experiment"
    except ComposerError:
        return False


def _refuse_datasets(settings: Sequence[Setting], log: ProblemLog) -> None:
    """Notes settings of all datasets beside a data file that is given in their place."""
    for setting in settings:
        message = f"'{setting.address}' has no effect: a data file is given in its place"
        log.add(setting.place, message, "Name one of its values: datasets.NAME.annotations.")


def _leave_out_datasets(experiment: SettableDocument[ExperimentDocument]) -> None:
    """Empties the experiment's own datasets, which others take the place of."""
    place = experiment.document.key_place(DATASETS)
    experiment.put((DATASETS,), Setting(DATASETS, Located({}, place), place))
