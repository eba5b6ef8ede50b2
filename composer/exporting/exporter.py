"""Formats of exported models, which plugins publish.

An entry point in the group `composer.exporters` has the ending of its files as its name and a class
without parameters as its object: an `Exporter`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from composer.discovery import DISTRIBUTION
from composer.errors import ComposerError, InputError, PluginError
from composer.escapes import describe_error
from composer.names import closest
from composer.registry import EXPORTER_GROUP, Registry

if TYPE_CHECKING:
    from composer.exporting.cut import Cut
    from composer.graph import Graph

RunFile = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export; a format takes some of them.

    Args:
        until: the last nodes; the outputs of the graph if None.
        feeds: nodes whose values are given to the file.
        inputs: values that the file is checked on, as `Graph.run` takes them; the spec's examples
            if None.
        tolerance: the largest error of an output, relative to its largest number.
        opset: the version of ONNX's operators; None for the exporter's own.
        half: whether weights are stored as float16.
    """

    until: tuple[str, ...] | None = None
    feeds: tuple[str, ...] = ()
    inputs: Any = None
    tolerance: float | None = None
    opset: int | None = None
    half: bool = False


class Exporter(ABC):  # noqa: B024 - its two kinds have the methods
    """A format of files that a model is exported to.

    Attributes:
        modules: import packages that it needs.
        extra: the extra of our distribution that installs them, or an empty text.
    """

    modules: tuple[str, ...] = ()
    extra: str = ""


class WeightsExporter(Exporter):
    """A format of weights with the description of the model; `half` is its option."""

    @abstractmethod
    def write_model(self, graph: Graph, file: Path, *, half: bool) -> None:
        """Writes the whole model.

        Raises:
            CheckpointError: the file cannot be written.
        """


class ProgramExporter(Exporter):
    """A format of programs, which run without this package."""

    @abstractmethod
    def write(self, cut: Cut, file: Path, opset: int | None) -> Collection[str] | None:
        """Writes the nodes of a cut; inputs and outputs have the names of its tensors.

        Args:
            cut: the nodes, with the values of some runs.
            file: the file; others that belong to it go beside it.
            opset: the version of the operators, where the format has such a thing.

        Returns:
            The inputs that the file has, where it leaves out some that nothing reads.

        Raises:
            ExportError: a node cannot be exported; it names the node and the operation.
        """

    @abstractmethod
    def add_metadata(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Adds what a file says of itself to it."""

    @abstractmethod
    def read_metadata(self, file: Path) -> Mapping[str, str]:
        """Reads what a file says of itself; runs and unpickles nothing.

        Raises:
            CheckpointError: it is damaged or no such file.
        """

    @abstractmethod
    def open(self, file: Path) -> RunFile:
        """A function that runs a file which this process has written: tensors by name."""


def find_exporter(file: Path) -> Exporter:
    """The format of a file by its ending.

    Raises:
        InputError: no format has this ending, or a package that it needs is not installed.
        PluginError: its plugin cannot be used.
    """
    registry = Registry.installed(EXPORTER_GROUP)
    ending = file.suffix.lower().removeprefix(".")
    endings = registry.names()
    if ending not in endings:
        near = closest(ending, endings)
        hint = f" Did you mean .{near}?" if near else ""
        known = ", ".join(f".{name}" for name in endings)
        raise InputError(f"'{file}': a model is exported to {known}.{hint}")
    exporter = load_exporter(ending)
    missing = [name for name in exporter.modules if find_spec(name) is None]
    if missing:
        how = f": pip install 'detection-composer[{exporter.extra}]'" if exporter.extra else ""
        raise InputError(f"'{file}': .{ending} needs {', '.join(missing)}{how}")
    return exporter


def load_exporter(ending: str) -> Exporter:
    """The format of an ending that is published, whether what it needs is installed or not.

    Raises:
        PluginError: its plugin cannot be used.
    """
    registry = Registry.installed(EXPORTER_GROUP)
    published = registry.find_all(ending)
    owners = {each.distribution: each.label for each in published}
    if len(owners) > 1 and DISTRIBUTION not in owners:  # an ending has no place for a qualifier
        raise PluginError(
            f"files that end in .{ending} are published by {' and '.join(owners.values())}: only "
            "one of them can be installed"
        )
    try:
        kind: Any = registry.load(ending)
        made = kind()
    except ComposerError:
        raise
    except Exception as error:
        reason = describe_error(error, with_kind=False)
        raise PluginError(f"the exporter .{ending} cannot be made: {reason}") from error
    if not isinstance(made, (WeightsExporter, ProgramExporter)):
        raise PluginError(
            f"the exporter .{ending} is a {type(made).__name__}, no WeightsExporter or "
            "ProgramExporter of composer.exporting"
        )
    return made
