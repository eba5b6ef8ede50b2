"""One entry point: a name that a plugin publishes, not yet imported."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from composer.discovery.import_failures import describe_failure
from composer.discovery.import_times import noted_import
from composer.discovery.plugin_conduct import printing_to_stderr
from composer.errors import PluginError, PluginImportError
from composer.escapes import describe_error

_NAME = re.compile(r"[^\W\d][\w.-]*")
_YAML_WORDS = {"null", "true", "false"}  # no texts in YAML
_RESERVED = {"composer.types": {"any"}}

Match = Literal["name", "distribution", "package"]


@dataclass(frozen=True)
class Publication:
    """A published name.

    Args:
        name: the name that specs use.
        module: module to import.
        attribute: dotted attribute of the module.
        distribution: name of the distribution on the package index.
        version: its version.
        group: the group of entry points that the name belongs to.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    version: str
    group: str = ""

    @property
    def plugin(self) -> str:
        """The plugin's name: its import package, written with dashes."""
        return self.module.partition(".")[0].replace("_", "-")

    @property
    def origin(self) -> str:
        """The distribution and its version: `detection-composer 0.1.0`."""
        return f"{self.distribution} {self.version}".rstrip()

    @property
    def label(self) -> str:
        """Plugin and version, for messages: `composer-rcnn (detection-composer 0.1.0)`."""
        return f"{self.plugin} ({self.origin})"

    @property
    def qualified(self) -> str:
        """The name that means this publication wherever it is written: `distribution/name`."""
        return f"{self.distribution}/{self.name}"

    @property
    def target(self) -> str:
        """The published object, as an entry point names it: `module:attribute`."""
        return f"{self.module}:{self.attribute}" if self.attribute else self.module

    @property
    def fault(self) -> str:
        """Why the name can never be used, or an empty text. Nothing is imported for it."""
        if not _NAME.fullmatch(self.name) or self.name in _YAML_WORDS:
            return (
                "a name consists of letters, digits, '_', '-' and '.', and begins with a letter "
                "or '_'; null, true and false are none"
            )
        if self.name.lower() in _RESERVED.get(self.group, ()):
            return f"'{self.name}' stands for every type"
        if not self.attribute:
            return f"'{self.module}' is a module: an entry point names 'module:object'"
        return ""

    def matches(self, qualifier: str) -> Match | None:
        """What a qualifier (`detection-composer/...`) is of this publication, if anything.

        Import packages are read as qualifiers, too; what is written is the distribution.
        """
        if normalise(qualifier) == normalise(self.distribution):
            return "distribution"
        return "package" if normalise(qualifier) == normalise(self.plugin) else None

    def load(self) -> object:
        """Imports the published object.

        Raises:
            PluginError: if its name can never be used, or the plugin fails to import or lacks the
                object.
        """
        where = f"'{self.name}' of {self.label}"
        if self.fault:
            raise PluginError(f"{where} cannot be used: {self.fault}")
        try:
            with noted_import(self.module), printing_to_stderr(self.module):
                found: object = importlib.import_module(self.module)
            return self._look_up(found, where)
        except (KeyboardInterrupt, PluginError):
            raise
        except BaseException as error:  # SystemExit, and panics of extensions written in Rust
            reason = describe_failure(error, self.module)
            raise PluginImportError(reason, f"{where} fails to import: {reason}") from error

    def load_function(self) -> Callable[..., Any]:
        """Imports the published function.

        Raises:
            PluginError: as for `load`, or it cannot be called.
        """
        found = self.load()
        if not callable(found):
            raise PluginError(
                f"'{self.name}' of {self.label} is no function: {type(found).__name__}"
            )
        return found

    def _look_up(self, found: object, where: str) -> object:
        """The attribute of the module, which may import it by its `__getattr__`."""
        try:
            for attribute in self.attribute.split("."):
                found = getattr(found, attribute)
        except AttributeError as error:
            raise PluginError(
                f"{where} is not there: {describe_error(error, with_kind=False)}"
            ) from error
        return found


def normalise(name: str) -> str:
    """A distribution's or package's name in its one comparable form."""
    return re.sub(r"[-_.]+", "-", name).lower()
