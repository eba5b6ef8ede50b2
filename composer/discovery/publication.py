"""One entry point: a name that a plugin publishes, not yet imported."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from composer.errors import PluginError


@dataclass(frozen=True)
class Publication:
    """A published name.

    Args:
        name: the name that specs use.
        module: module to import.
        attribute: dotted attribute of the module.
        distribution: name of the distribution on the package index.
        version: its version.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    version: str

    @property
    def plugin(self) -> str:
        """The plugin's name: its import package, written with dashes."""
        return self.module.partition(".")[0].replace("_", "-")

    @property
    def label(self) -> str:
        """Plugin and version, for messages: `composer-rcnn (detection-composer 0.1.0)`."""
        return f"{self.plugin} ({self.distribution} {self.version})"

    def answers_to(self, qualifier: str) -> bool:
        """Whether a qualifier (`composer-rcnn/...`) means this plugin or its distribution."""
        return normalise(qualifier) in (normalise(self.plugin), normalise(self.distribution))

    def load(self) -> object:
        """Imports the published object.

        Raises:
            PluginError: if the plugin fails to import or lacks the object.
        """
        where = f"'{self.name}' of {self.label}"
        if not self.attribute:
            raise PluginError(f"{where} is a module: an entry point names 'module:object'")
        try:
            found: object = importlib.import_module(self.module)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"{where} fails to import: {reason}") from error
        try:
            for attribute in self.attribute.split("."):
                found = getattr(found, attribute)
        except AttributeError as error:
            raise PluginError(f"{where} is not there: {error}") from error
        return found


def describe_clash(what: str, found: Sequence[Publication]) -> str:
    """Describes a clash: a name that several plugins publish, and its qualified names.

    Args:
        what: what the name is, and the name in quotes.
        found: who publishes it.
    """
    labels = " and ".join(p.label for p in found)
    qualified = " or ".join(f"'{qualify(p, found)}'" for p in found)
    return f"{what} is published by {labels}; write {qualified}"


def qualify(publication: Publication, clashing: Sequence[Publication]) -> str:
    """The name of one of several publications that no other of them has."""
    same_plugin = sum(p.plugin == publication.plugin for p in clashing) > 1
    qualifier = publication.distribution if same_plugin else publication.plugin
    return f"{qualifier}/{publication.name}"


def normalise(name: str) -> str:
    """A distribution's or package's name in its one comparable form."""
    return name.lower().replace("_", "-").replace(".", "-")
