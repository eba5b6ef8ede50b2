"""Finds what plugins publish by name: node types, port types, readers of datasets, ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.discovery import Publication, describe_clash, discover, normalise
from composer.errors import NameResolutionError, PluginError
from composer.names import closest

NODE_GROUP = "composer.nodes"
TYPE_GROUP = "composer.types"
MAPPING_GROUP = "composer.checkpoints"
DATASET_GROUP = "composer.datasets"
FORMAT_GROUP = "composer.formats"
AUGMENTATION_GROUP = "composer.augmentations"

_WHAT = {
    NODE_GROUP: "node type",
    TYPE_GROUP: "port type",
    MAPPING_GROUP: "key mapping",
    DATASET_GROUP: "reader of datasets",
    FORMAT_GROUP: "format of datasets",
    AUGMENTATION_GROUP: "augmentation",
}


class Registry:
    """The names of one group.

    Args:
        publications: what plugins publish.
        local: objects by name that are not published; they come before published ones.
        what: what the names are, for messages.
    """

    def __init__(
        self,
        publications: Sequence[Publication] = (),
        local: Mapping[str, object] | None = None,
        what: str = "node type",
    ) -> None:
        self.publications = tuple(publications)
        self._by_name: dict[str, list[Publication]] = {}
        for each in publications:
            self._by_name.setdefault(each.name, []).append(each)
        self.local = dict(local or {})
        self.what = what

    @classmethod
    def installed(
        cls, group: str = NODE_GROUP, local: Mapping[str, object] | None = None
    ) -> Registry:
        """The registry of everything that is installed; nothing is imported."""
        return cls(discover(group), local, _WHAT.get(group, "name"))

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({p.name for p in self.publications} | self.local.keys())

    def find(self, name: str) -> Publication | None:
        """What publishes a name, which may be qualified; None for a local object.

        Raises:
            NameResolutionError: if nothing publishes it.
            PluginError: if its plugin is not installed, or two publish it.
        """
        qualifier, _, bare = name.rpartition("/")
        if not qualifier and bare in self.local:
            return None
        found = self._by_name.get(bare, [])
        if qualifier:
            self._require_plugin(name, qualifier)
            found = [p for p in found if p.answers_to(qualifier)]
        if not found:
            raise NameResolutionError(self._unknown(name, bare, qualifier))
        if len(found) > 1:
            raise PluginError(describe_clash(f"{self.what} '{bare}'", found))
        return found[0]

    def load(self, name: str) -> object:
        """The object that a name means, its plugin imported.

        Raises:
            NameResolutionError: if nothing publishes it.
            PluginError: if it is published twice or fails to import.
        """
        publication = self.find(name)
        return self.local[name] if publication is None else publication.load()

    def label(self, name: str) -> str:
        """The plugin of a name for messages: `mask_head of composer-rcnn (...)`."""
        publication = self.find(name)
        return f"'{name}'" if publication is None else f"'{name}' of {publication.label}"

    def _require_plugin(self, name: str, qualifier: str) -> None:
        if any(p.answers_to(qualifier) for p in self.publications):
            return
        plugins = {p.plugin for p in self.publications}
        match = closest(normalise(qualifier), plugins)
        hint = f"Did you mean '{match}'?" if match else f"Try: pip install {qualifier}"
        raise PluginError(f"{self.what} '{name}': plugin '{qualifier}' is not installed. {hint}")

    def _unknown(self, name: str, bare: str, qualifier: str) -> str:
        known = self.names()
        if qualifier:
            known = [p.name for p in self.publications if p.answers_to(qualifier)]
        match = closest(bare, known)
        if match is None:
            if self.what in (_WHAT[NODE_GROUP], _WHAT[TYPE_GROUP]):
                return f"unknown {self.what} '{name}'; `composer nodes` lists what is installed"
            return f"unknown {self.what} '{name}'; there are: {', '.join(known) or 'none'}"
        plugins = {p.plugin for p in self.publications if p.name == match}
        origin = f" ({', '.join(sorted(plugins))})" if plugins else ""
        return f"unknown {self.what} '{name}'. Did you mean '{match}'{origin}?"
