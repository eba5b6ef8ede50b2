"""Published models by name: their specs, weights and metrics, from catalogues of plugins."""

from composer.catalogues.catalogue import Catalogue, Entry
from composer.catalogues.finding import (
    DEFAULT_WEIGHTS,
    find_default,
    find_entry,
    find_missing_owner,
    find_weights_address,
    list_entries,
    list_section,
    name_closest,
    qualify_weights,
    require_entry,
)
from composer.catalogues.published import GROUP, list_catalogues

__all__ = [
    "DEFAULT_WEIGHTS",
    "GROUP",
    "Catalogue",
    "Entry",
    "find_default",
    "find_entry",
    "find_missing_owner",
    "find_weights_address",
    "list_catalogues",
    "list_entries",
    "list_section",
    "name_closest",
    "qualify_weights",
    "require_entry",
]
