"""The argument MODEL of commands that look at a model's spec, whatever the name means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from composer.downloads import without_fetching
from composer.model_source import find_model_source

if TYPE_CHECKING:
    from composer.documents import SettingsSource
    from composer.language import SpecSource


class SpecArgument(NamedTuple):
    """A spec and the settings for it.

    Attributes:
        spec: its file or name, or the document in a checkpoint.
        settings: the settings of an experiment, then those of the command line.
    """

    spec: SpecSource
    settings: SettingsSource


def read_spec_argument(model: str, settings: Sequence[str]) -> SpecArgument:
    """The spec that a model's name means: of a spec nothing is read, and torch is not imported.

    Args:
        model: the name of a spec or a shipped model, a file of either, a run, or an experiment.
        settings: texts of the form `address=value`.

    Raises:
        ComposerError: there is no such model, or its checkpoint or experiment cannot be read.
    """
    kind, name = find_model_source(model)
    if kind == "spec":
        return SpecArgument(name, settings)
    from composer.graph import read_model

    with without_fetching("this command fetches nothing"):
        parts = read_model(name)
    return SpecArgument(parts.spec, parts.settings_with(settings))
