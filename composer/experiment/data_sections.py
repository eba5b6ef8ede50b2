"""Settings of data files, alone and beside those of an experiment and of a model."""

from __future__ import annotations

from collections.abc import Sequence

from composer.data import DATASETS_PREFIX, DataFile
from composer.documents import (
    DocumentSource,
    ProblemLog,
    Settable,
    SettableDocument,
    Setting,
    apply_settings,
    give_params,
    read_root,
    spread_sections,
)

DATASETS, MODEL = "datasets", "model"  # the sections of their addresses


def apply_to_data(
    source: DocumentSource,
    settings: Sequence[Setting],
    log: ProblemLog,
    model: Settable | None = None,
) -> SettableDocument[DataFile]:
    """Reads a data file, and applies its own settings and others.

    Args:
        source: the data file, or its values.
        settings: the settings, which come after those of the data file's section `set:`.
        log: takes all problems.
        model: a model that `settings` are for as well.

    Raises:
        SpecError: the document cannot be read at all.
    """
    data = open_data(source, log)
    sections = (DATASETS,) if model is None else (DATASETS, MODEL)
    apply_groups([(spread_sections(settings, sections), model)], None, data, [], log)
    return data


def open_data(source: DocumentSource, log: ProblemLog) -> SettableDocument[DataFile]:
    """A data file for settings.

    Args:
        source: the file, or the values themselves.
        log: takes its problems.
    """
    return SettableDocument(read_root(source, log), DataFile, log, DATASETS_PREFIX)


def apply_groups(
    groups: Sequence[tuple[Sequence[Setting], Settable | None]],
    experiment: Settable | None,
    data: SettableDocument[DataFile] | None,
    done: Sequence[Setting],
    log: ProblemLog,
) -> None:
    """Applies groups of settings, each with the model that it is for: params before values.

    Args:
        groups: settings, and their model or None.
        experiment: the document of an experiment, or None.
        data: the data file, or None.
        done: settings that have been applied before.
        log: takes all problems.
    """
    left: list[tuple[Sequence[Setting], list[Settable]]] = []
    for settings, model in groups:
        documents: list[Settable] = [one for one in (data, model) if one is not None]
        rest = give_params([one for one in settings if one not in done], documents)
        left.append((rest, documents if experiment is None else [experiment, *documents]))
    if data is not None:
        apply_settings(data.settings, [data], log)
    for settings, targets in left:
        apply_settings(settings, targets, log)
