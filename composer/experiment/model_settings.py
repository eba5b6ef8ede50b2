"""Settings of the model that an experiment or a command names."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

from composer.construction import list_addresses
from composer.documents import Place, Problem, ProblemLog, Setting
from composer.errors import NameResolutionError, SpecError
from composer.experiment.data_sections import MODEL
from composer.graph import ModelParts, read_model
from composer.language import Spec, SpecSource, load_spec

_PREFIX = f"{MODEL}."


class SettableModel:
    """The aliases, params and addresses of a spec below `model`; its settings are collected.

    What an address means in the spec is found out where the spec is loaded with the settings.

    Args:
        source: the model: a file, a name or values; None if there is no model.
        log: takes the problems of the spec, where its addresses are looked up; without one, what
            is no spec has no addresses, and takes what nothing else does.
        place: where the model is named; None if that is not in a document.
    """

    def __init__(
        self, source: SpecSource | None, log: ProblemLog | None = None, place: Place | None = None
    ) -> None:
        self._source, self._log, self._place = source, log, place
        self.settings: list[Setting] = []

    @cached_property
    def names(self) -> Collection[str]:
        """The spec's params and aliases."""
        spec = self._spec
        return [] if spec is None else [_PREFIX + n for n in (*spec.resolved.aliases, *spec.params)]

    @cached_property
    def addresses(self) -> Collection[str]:
        """All addresses of the spec, and its nodes, which take a mapping of several keys."""
        spec = self._spec
        if spec is None:
            return []
        return [*(_PREFIX + name for name in list_addresses(spec)), *self.sections]

    @cached_property
    def sections(self) -> Collection[str]:
        """The nodes."""
        spec = self._spec
        return [] if spec is None else [_PREFIX + path for path, _ in spec.graph.walk()]

    def set_param(self, name: str, setting: Setting) -> None:
        """Takes the value of a param."""
        self.settings.append(replace(setting, address=name.removeprefix(_PREFIX)))

    def apply(self, setting: Setting, found: Sequence[str]) -> None:
        """Takes the value of one or, with wildcards, several addresses."""
        values = setting.value
        if len(found) != 1 and not setting.is_pattern:
            self.set_param(setting.address, setting)  # ambiguous, which the spec is to say
            return
        for address in found:
            if values.is_mapping and address in self.sections:
                for inner in setting.spread(address):
                    self.set_param(inner.address, inner)
            else:
                self.set_param(address, setting)

    def take_unknown(self, setting: Setting) -> bool:
        """Takes the settings of a model that is no spec; whether it is one."""
        is_named = setting.address.startswith(_PREFIX)
        if self._source is None or self._spec is not None or not (is_named or self._log is None):
            return False
        self.set_param(setting.address, setting)
        return True

    @cached_property
    def _spec(self) -> Spec | None:
        if self._source is None:
            return None
        try:
            named = self._source
            if not isinstance(named, (str, os.PathLike)):
                return load_spec(named)
            parts = find_model_parts(named)
            return load_spec(parts.spec, set=parts.settings)
        except SpecError as error:
            if self._log is not None:
                self._log.extend(error if self._place is None else _placed(error, self._place))
            return None


def _placed(error: SpecError, place: Place) -> SpecError:
    """An error whose problems that stand in no line of a document stand where that is named."""
    problems = [
        replace(problem, place=place)
        if isinstance(problem, Problem) and _is_whole(problem.place)
        else problem
        for problem in error.problems
    ]
    return SpecError(problems)


def _is_whole(place: Place) -> bool:
    return not place.line and not place.pointer


def find_model_parts(spec: str | os.PathLike[str]) -> ModelParts:
    """The spec and the weights of the model that an experiment names.

    What means nothing is left to be reported where the spec is read.
    """
    try:
        return read_model(spec)
    except NameResolutionError:
        return ModelParts(os.fspath(spec), None)
