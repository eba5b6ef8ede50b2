"""The catalogues that installed distributions publish.

An entry point `name = "package.module:function"` in the group `composer.catalogues` names a
function that returns plain values: see `CatalogueForm`.
"""

from __future__ import annotations

import logging
from functools import cache

from pydantic import ValidationError

from composer.catalogues.catalogue import Catalogue, Entry
from composer.catalogues.entry_form import CatalogueForm
from composer.discovery import DISTRIBUTION, Publication, discover, surviving_exits
from composer.errors import PluginError
from composer.escapes import describe_error

GROUP = "composer.catalogues"
_LOGGER = logging.getLogger(__name__)


def list_catalogues() -> list[Catalogue]:
    """The catalogues that can be read, ours first; of others a note says why they cannot.

    A name that others publish too is ours; theirs, and those of one name of two others, are called
    `distribution/name`.
    """
    found: list[Catalogue] = []
    for publication in _list_publications():
        try:
            found.append(_read(publication, _name(publication)))
        except PluginError as error:
            _LOGGER.warning("note: a catalogue is left out: %s", error)
    return found


def list_names() -> set[str]:
    """The names of all catalogues, qualified ones included. Nothing is imported."""
    return {name for each in discover(GROUP) for name in (each.name, each.qualified)}


def _list_publications() -> list[Publication]:
    """The entry points, ours first."""
    return sorted(discover(GROUP), key=lambda each: each.distribution != DISTRIBUTION)


def _name(publication: Publication) -> str:
    """The name of a catalogue: qualified where a bare one means another, or nothing."""
    named = {each.distribution for each in discover(GROUP) if each.name == publication.name}
    is_plain = publication.distribution == DISTRIBUTION or len(named) == 1
    return publication.name if is_plain else publication.qualified


@cache
def _read(publication: Publication, name: str) -> Catalogue:
    """Reads a catalogue once in a process.

    Raises:
        PluginError: its plugin fails to import, or it has another form.
    """
    function = publication.load_function()
    what = f"the catalogue '{publication.name}' of {publication.label}"
    try:
        with surviving_exits():
            form = CatalogueForm.model_validate(function())
    except ValidationError as error:
        place, message = error.errors()[0]["loc"], error.errors()[0]["msg"]
        where = "".join(f"{part}." for part in place).rstrip(".")
        raise PluginError(": ".join(filter(None, (what, where, message)))) from error
    except Exception as error:
        raise PluginError(f"{what} fails: {describe_error(error, with_kind=False)}") from error
    entries = tuple(
        Entry(name, publication.distribution, entry, form.address + entry.weights)
        for entry in form.entries
    )
    return Catalogue(name, publication.distribution, form.source, form.licence, entries)
