"""Published models by name, or by an end of it that only one has."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from composer.catalogues.catalogue import Entry
from composer.catalogues.published import list_catalogues, list_names
from composer.discovery import DISTRIBUTION, find_model, find_published, find_version
from composer.downloads import is_address
from composer.errors import MissingPluginError, NameResolutionError
from composer.files import is_there
from composer.names import closest

_LOGGER = logging.getLogger(__name__)
DEFAULT_WEIGHTS = "default"
_SHOWN = 8
_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def list_entries() -> list[Entry]:
    """All published models, by catalogue, ours first, in its order."""
    return [entry for catalogue in list_catalogues() for entry in catalogue.entries]


def list_section(name: str) -> list[Entry]:
    """The published models of a catalogue, or of a section of one, by its name or an end of it."""
    section = f"/{name.strip('/').casefold()}/"
    return [each for each in list_entries() if section in f"/{each.qualified.casefold()}"]


def find_entry(name: str) -> Entry | None:
    """The published model that a name means; None if there is none.

    Args:
        name: a full name (`detectron2/COCO-Detection/faster_rcnn_R_50_FPN_3x`), which may follow
            its distribution, or an end of one after a slash. Upper and lower case count only where
            they make a difference. An end that one of ours has, and others too, is ours, which is
            noted.

    Raises:
        NameResolutionError: it is an end of several.
    """
    found = _match(name, list_entries())
    ours = [entry for entry in found if entry.distribution == DISTRIBUTION]
    if len(found) > 1 and len(ours) == 1:
        others = " and ".join(dict.fromkeys(e.distribution for e in found if e != ours[0]))
        message = "note: the published model '%s' means %s; it is an end of one of %s, too"
        _LOGGER.warning(message, name, ours[0].name, others)
        return ours[0]
    if len(found) > 1:
        names = [entry.name for entry in found]
        more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        listed = ", ".join([*names[:_SHOWN], *more])
        raise NameResolutionError(f"'{name}' is an end of several published models: {listed}")
    return found[0] if found else None


def require_entry(name: str) -> Entry:
    """The published model that a name means; see `find_entry`.

    Raises:
        NameResolutionError: it means none, or several.
        MissingPluginError: it is one of a distribution that is not installed.
    """
    if (entry := find_entry(name)) is not None:
        return entry
    if owner := find_missing_owner(name):
        raise MissingPluginError(
            owner,
            f"the distribution '{owner}' is not installed, so there is no published model '{name}'",
        )
    hint = f" Did you mean '{found}'?" if (found := name_closest(name)) else ""
    raise NameResolutionError(
        f"there is no published model '{name}'.{hint} `composer models` lists all."
    )


def find_missing_owner(name: str) -> str | None:
    """The distribution of a model's full name, if it is not installed; None otherwise.

    Args:
        name: what was written: `somebodys-plugin/catalogue/SECTION/NAME`.
    """
    owner, *rest = name.split("/")
    if len(rest) < 2 or not (owner and all(rest)) or Path(name).suffix or Path(owner).exists():
        return None
    parts = {part for entry in list_entries() for part in entry.qualified.split("/")}
    if not _DISTRIBUTION.fullmatch(owner) or owner in parts or find_version(owner) is not None:
        return None
    return owner


def find_default(spec: str) -> Entry:
    """The published model whose weights are those to take for a spec.

    Args:
        spec: the name of a published spec.

    Raises:
        NameResolutionError: no weights are published for it.
    """
    published = find_published(spec)
    wanted = spec if published is None else published.qualified
    defaults = [entry for entry in list_entries() if entry.form.is_default and entry.spec == wanted]
    for owner in (wanted.partition("/")[0], DISTRIBUTION):  # who publishes the spec, then we
        if chosen := next((each for each in defaults if each.distribution == owner), None):
            return chosen
    if len({entry.distribution for entry in defaults}) > 1:
        raise NameResolutionError(
            f"several published models are the default of the spec '{spec}': name one of "
            f"{', '.join(entry.name for entry in defaults[:_SHOWN])}"
        )
    if defaults:
        return defaults[0]
    named = [entry.name for entry in list_entries() if entry.spec == wanted]
    if named:
        raise NameResolutionError(
            f"no published model is the default of the spec '{spec}' (`is_default` of a "
            f"catalogue's entry): name one of {', '.join(named[:_SHOWN])}"
        )
    raise NameResolutionError(
        f"no weights are published for the spec '{spec}': `composer models` lists published models"
    )


def find_weights_address(weights: object) -> str | None:
    """The address that weights are fetched from; None if they are a file, or nothing published.

    Args:
        weights: an address, a file, or the name of a published model.

    Raises:
        NameResolutionError: the name is an end of several.
    """
    if isinstance(weights, str) and is_address(weights):
        return weights
    entry = _find_weights(weights)
    return None if entry is None else entry.weights


def qualify_weights(weights: str) -> str:
    """Weights as what is installed later does not change them.

    Args:
        weights: an address, a file, or the name of a published model or of one that ships, which
            becomes the one with its distribution.

    Raises:
        NameResolutionError: the name is an end of several.
    """
    if is_address(weights) or is_there(weights):
        return weights
    if (shipped := find_model(weights)) is not None:
        return shipped.qualified
    entry = _find_weights(weights)
    return weights if entry is None else entry.qualified


def _find_weights(weights: object) -> Entry | None:
    """The published model that weights name, which are no address."""
    if not isinstance(weights, str) or is_there(weights):
        return None
    if not weights or ":" in weights or weights == DEFAULT_WEIGHTS:
        return None
    return None if find_model(weights) is not None else find_entry(weights)


def name_closest(name: str, others: Iterable[str] = ()) -> str | None:
    """The published model, or other name, that is most like a name, whole or in its last part.

    Args:
        name: what was written.
        others: other names that could have been meant.
    """
    entries = list_entries()
    last = name.rpartition("/")[2].casefold()
    # Only what stands before the slash is wrong: the catalogue, or a section that was left out.
    namesakes = [e.name for e in entries if e.name.rpartition("/")[2].casefold() == last]
    if "/" in name and namesakes:
        return closest(name, namesakes) or namesakes[0]
    names = [*(entry.name for entry in entries), *others]
    by_name = {each.rpartition("/")[2]: each for each in names} | {each: each for each in names}
    found = closest(name, by_name)
    return None if found is None else by_name[found]


def _match(name: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that a name can mean: of its catalogue only, if it begins with one."""
    is_full = any(name.startswith(f"{catalogue}/") for catalogue in list_names())
    for fold in (str, str.casefold):
        wanted = fold(name)
        exact = [e for e in entries if wanted in (fold(e.name), fold(e.qualified))]
        if exact:
            return exact
        found = [e for e in entries if fold(e.qualified).endswith(f"/{wanted}")]
        if is_full:
            found = [e for e in found if wanted == fold(e.qualified).partition("/")[2]]
        if found:
            return found
    return []
