"""Everything that can go wrong for a user, in one tree.

    ComposerError
    ├── SpecError               a spec has problems; `.problems` has all of them
    ├── NameResolutionError     no node, port, tap or spec goes by that name, or several do
    ├── PluginError             a node type cannot be loaded from its plugin
    │   ├── ContractError           a class or function cannot be a node type
    │   ├── PluginImportError       a plugin fails to import; `.reason` says why
    │   └── MissingPluginError      a name of a distribution that is not installed
    ├── InputError              what was given to a run does not fit the graph
    ├── ExecutionError          a node failed while it ran: `.path`; `.session` has the rest
    ├── ExportError             nodes cannot be exported, or the file differs from the graph
    ├── CheckpointError         a checkpoint cannot be read, written or trusted
    │   ├── CheckpointMismatchError   it was read, but does not fit the graph; `.report` says how
    │   └── DownloadError       a file cannot be fetched, or is not what it should be
    ├── DataError               a dataset cannot be read, or is refused; `.faults` has its faults
    ├── TrainingError           a training cannot begin, or cannot go on
    └── ConformanceError        a node type breaks the contract (from the testing kit)

A message says what is wrong, where, and what would be right. Words of thousands of letters in it
are shortened. The command line prints messages without a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from composer.escapes import escape_controls, shorten_words

if TYPE_CHECKING:
    from typing_extensions import Self

_MAX_SHOWN = 100  # problems in a message


class LocatedProblem(Protocol):
    """A problem in a document, such as a `composer.documents.Problem`."""

    @property
    def place(self) -> Any:
        """Place of the problem, printed as file, line and column."""

    @property
    def message(self) -> str:
        """Description of the problem, with the expected value."""

    @property
    def hint(self) -> str:
        """A suggestion, or an empty text."""

    def render(self) -> str:
        """The whole message, with place, excerpt and hint."""


class ComposerError(Exception):
    """What every error of this package is. It can be pickled, so it crosses process borders."""

    _made_from: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Keeps what the error was made from, so that it can be made again."""
        error = super().__new__(cls)
        error._made_from = (args, kwargs)
        return error

    def __str__(self) -> str:
        return escape_controls(shorten_words(super().__str__()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), *self._made_from)


def _remake(
    kind: type[ComposerError], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> ComposerError:
    return kind(*args, **kwargs)


class SpecError(ComposerError):
    """A spec has problems. All of them are in `problems`; the message has the first hundred.

    Args:
        problems: the problems.
        remark: what is to be said of all of them, if anything.
    """

    def __init__(self, problems: Sequence[LocatedProblem], remark: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        listing = "\n".join(problem.render() for problem in self.problems[:_MAX_SHOWN])
        more = f" The first {_MAX_SHOWN} are shown." if count > _MAX_SHOWN else ""
        end = f"{count} problem{'' if count == 1 else 's'}.{more}"
        super().__init__("\n".join(filter(None, (listing, remark, end))))


class NameResolutionError(ComposerError):
    """A name fits nothing, or more than one thing; the message lists candidates."""


class PluginError(ComposerError):
    """A node type is not installed, is published twice, or its plugin fails to import."""


class ContractError(PluginError):
    """A class or function cannot be a node type; the message says why."""


class PluginImportError(PluginError):
    """A plugin fails to import.

    Args:
        reason: the error, with file and line of the plugin.
        message: the name that was looked up, its plugin, and the reason.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class MissingPluginError(PluginError):
    """A name is that of a distribution that is not installed, or publishes no such things.

    Args:
        distribution: the distribution, as written.
        message: the name, the distribution, and what is installed.
    """

    def __init__(self, distribution: str, message: str) -> None:
        self.distribution = distribution
        super().__init__(message)


class InputError(ComposerError):
    """An input or a feed is missing or does not fit."""


class ExecutionError(ComposerError):
    """A node failed while it ran. The original exception is the cause.

    Args:
        path: path of the node.
        message: what happened.

    Attributes:
        session: a `composer.graph.Session` with what was computed, from which the graph continues
            once it is fixed; None where the error has crossed a process border.
    """

    session: Any = None

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(message)


class ExportError(ComposerError):
    """Nodes cannot be exported, or the exported file differs from the graph."""


class CheckpointError(ComposerError):
    """A checkpoint cannot be read, written or trusted."""


class CheckpointMismatchError(CheckpointError):
    """A checkpoint was read but does not fit the graph.

    Args:
        report: what was loaded, missing, unexpected and of another shape, node by node: a
            `composer.checkpoint.LoadReport`.
        advice: options of the load that would allow it, each with what it does; advice without an
            option under the empty name.
    """

    def __init__(self, report: Any, advice: Mapping[str, str] = MappingProxyType({})) -> None:
        self.report, self.advice = report, dict(advice)
        super().__init__(self.describe({option: option for option in advice}))

    def describe(self, names: Mapping[str, str]) -> str:
        """The message.

        Args:
            names: what the options are called where the message is read; others are left out.
        """
        known = {"": "", **names}
        lines = [f"{known[o]} {text}." for o, text in self.advice.items() if o in known]
        lines = [f"  {line.strip()}" for line in lines]
        return "\n".join([str(self.report), *lines])


class DownloadError(CheckpointError):
    """A file cannot be fetched, or what was fetched is not what it should be."""


class DataError(ComposerError):
    """A dataset cannot be read, or is refused for what is wrong with it.

    Args:
        message: what is wrong, and what would be right.
        faults: of single images and annotations, where those are the reason: each a
            `composer.data.Fault`.
    """

    def __init__(self, message: str, faults: Sequence[Any] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(message)


class TrainingError(ComposerError):
    """A training cannot begin, or cannot go on."""


class ConformanceError(ComposerError):
    """A node type breaks the contract of node types. All reasons are reported at once.

    Args:
        subject: what was checked.
        reasons: what is wrong, a sentence each.
    """

    def __init__(self, subject: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        listing = "\n".join(f"  - {reason}" for reason in self.reasons)
        super().__init__(f"{subject} breaks the contract of node types:\n{listing}")
