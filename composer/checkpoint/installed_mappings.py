"""The key mappings that plugins publish, imported only when a file's names ask for one."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from composer.checkpoint.key_mapping import KeyMapping
from composer.errors import PluginError
from composer.registry import MAPPING_GROUP, Publication, Registry


class Recognition(NamedTuple):
    """Which family a checkpoint's keys belong to.

    Attributes:
        mapping: the first mapping that knows the keys; None if none does.
        notes: why mappings could not be asked, a sentence each.
    """

    mapping: KeyMapping | None
    notes: tuple[str, ...] = ()


def recognise_keys(keys: Collection[str], registry: Registry | None = None) -> Recognition:
    """Asks the published mappings in the order of their names, each imported at its turn.

    One that fails is passed over, so that a broken plugin spoils no other checkpoint.

    Args:
        keys: the keys of a checkpoint.
        registry: the published mappings; those that are installed by default.
    """
    registry = registry or Registry.installed(MAPPING_GROUP)
    notes: list[str] = []
    for publication in registry.publications:
        try:
            mapping = _load(publication)
            if mapping.recognises(keys):
                return Recognition(mapping, tuple(notes))
        except PluginError as error:
            notes.append(f"key mapping {error}")
        except Exception as error:
            where = f"'{publication.name}' of {publication.label}"
            notes.append(f"key mapping {where} fails: {type(error).__name__}: {error}")
    return Recognition(None, tuple(notes))


def _load(publication: Publication) -> KeyMapping:
    target = publication.load()
    where = f"'{publication.name}' of {publication.label}"
    mapping = target() if callable(target) else target
    if not isinstance(mapping, KeyMapping):
        raise PluginError(
            f"{where} is no key mapping: it wants name, matches_by_suffix, recognises and rename"
        )
    return mapping
