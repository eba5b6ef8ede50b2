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
from composer.discovery import DISTRIBUTION, Publication, discover
from composer.errors import PluginError

GROUP = "composer.catalogues"
_LOGGER = logging.getLogger(__name__)


def list_catalogues() -> list[Catalogue]:
    """The catalogues that can be read, by name; of others a note says why they cannot.

    Of several of one name the first is taken, ours before others.
    """
    found: dict[str, Catalogue] = {}
    for publication in sorted(discover(GROUP), key=lambda each: each.distribution != DISTRIBUTION):
        try:
            found.setdefault(publication.name, _read(publication))
        except PluginError as error:
            _LOGGER.warning("note: a catalogue is left out: %s", error)
    return [found[name] for name in sorted(found)]


def list_names() -> set[str]:
    """The names of all catalogues. Nothing is imported."""
    return {publication.name for publication in discover(GROUP)}


@cache
def _read(publication: Publication) -> Catalogue:
    """Reads a catalogue once in a process.

    Raises:
        PluginError: its plugin fails to import, or it has another form.
    """
    function = publication.load_function()
    try:
        form = CatalogueForm.model_validate(function())
    except ValidationError as error:
        place, message = error.errors()[0]["loc"], error.errors()[0]["msg"]
        where = ".".join(map(str, place))
        raise PluginError(f"the catalogue of {publication.label}: {where}: {message}") from error
    except Exception as error:
        raise PluginError(f"the catalogue of {publication.label} fails: {error}") from error
    entries = tuple(
        Entry(publication.name, publication.distribution, entry, form.address + entry.weights)
        for entry in form.entries
    )
    return Catalogue(publication.name, publication.distribution, form.source, form.licence, entries)
