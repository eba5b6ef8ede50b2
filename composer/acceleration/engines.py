"""Engines by name, from the entry points of installed distributions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import cast

from composer.discovery import Candidate, Publication, choose, discover
from composer.errors import InputError, NameResolutionError, PluginError
from composer.escapes import describe_error
from composer.layers import Engine
from composer.names import did_you_mean
from composer.registry import Registry, short_name

GROUP = "composer.engines"
_LOGGER = logging.getLogger(__name__)
_CONTRACT = (
    *("extra", "precisions", "devices", "find_missing", "describe_version"),
    *("takes", "compile", "load"),
)


@dataclass(frozen=True)
class NamedEngine:
    """An engine that can be used here.

    Args:
        name: its name, qualified if it is not ours: kept values and compiled files depend on it.
        engine: the engine.
        label: its plugin and version.
    """

    name: str
    engine: Engine
    label: str


def wrap_engine(engine: object) -> NamedEngine:
    """An engine that is given itself, for trying things out.

    Args:
        engine: the engine, or its class.

    Raises:
        InputError: if it is none.
    """
    made = engine() if isinstance(engine, type) else engine
    kind = type(made)
    if lacking := [each for each in _CONTRACT if not hasattr(made, each)]:
        raise InputError(
            "an engine is given by its name or as an object like `composer.layers.Engine`; "
            f"{kind.__name__} lacks {', '.join(lacking)}"
        )
    label = f"{kind.__module__}.{kind.__qualname__}"
    return NamedEngine(kind.__name__.lower(), cast("Engine", made), label)


def list_engines() -> list[str]:
    """The names of all engines that are published. Nothing is imported."""
    return sorted({publication.name for publication in discover(GROUP)})


def find_engine(name: str) -> NamedEngine:
    """The engine of a name.

    Args:
        name: its name, or `distribution/name`.

    Raises:
        InputError: there is no such engine, or a library is missing, with what installs it.
        PluginError: its plugin fails or is not installed, or two distributions publish the name.
    """
    publication = _find_publication(name)
    engine = _make(publication)
    if missing := engine.find_missing():
        raise InputError(
            f"the engine '{publication.name}' cannot run here: {missing}"
            + (f". pip install '{engine.extra}'" if engine.extra else "")
        )
    return NamedEngine(short_name(publication.qualified), engine, publication.label)


def check_precision(engine: NamedEngine, precision: str) -> None:
    """Makes sure that an engine has a precision.

    Raises:
        InputError: if it does not, with those that it has.
    """
    known = engine.engine.precisions
    if precision not in known:
        raise InputError(
            f"the engine '{engine.name}' has no precision '{precision}': it has {', '.join(known)}"
        )


def _find_publication(name: str) -> Publication:
    if not isinstance(name, str):
        raise InputError(f"an engine is named by a text, not by {type(name).__name__}")
    qualifier, _, short = name.rpartition("/")
    published = discover(GROUP)
    found = [each for each in published if each.name == short]
    candidates = [
        Candidate(each, match)
        for each in found
        if (match := each.matches(qualifier) if qualifier else "name") is not None
    ]
    if not candidates:
        _require_plugin(name)
        known = list_engines()
        raise InputError(
            f"there is no engine '{name:.100}'. {did_you_mean(name, known, 'engines')}"
        )
    publication, note = choose("engine", name, candidates)
    if note:
        _LOGGER.warning("note: %s", note)
    return publication


def _require_plugin(name: str) -> None:
    """Says which distribution is missing, if it is that of a name.

    Raises:
        MissingPluginError: with the distribution.
    """
    with suppress(NameResolutionError):
        Registry.installed(GROUP).find(name)


@cache
def _make(publication: Publication) -> Engine:
    made = publication.load()
    if not callable(made):
        raise PluginError(f"the engine '{publication.name}' of {publication.label} is no class")
    try:
        engine = cast("Callable[[], Engine]", made)()
    except Exception as error:
        reason = describe_error(error)
        raise PluginError(
            f"the engine '{publication.name}' of {publication.label} fails: {reason}"
        ) from error
    if lacking := [each for each in _CONTRACT if not hasattr(engine, each)]:
        raise PluginError(
            f"the engine '{publication.name}' of {publication.label} lacks {', '.join(lacking)}"
        )
    return engine
