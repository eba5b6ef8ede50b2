"""Problems of modules that cannot be built: at the setting that is to blame, where one is."""

from __future__ import annotations

from composer.blueprint import Node, find_largest
from composer.construction.modules import GiantModuleError
from composer.documents import Located, Place, ProblemLog
from composer.escapes import describe_error
from composer.memory import describe_shortage

_ABSURD = 100_000  # a number that hardly any setting has


def note_unbuilt(node: Node, error: BaseException, log: ProblemLog) -> None:
    """Notes why a module cannot be built, at the setting that the error is about.

    Args:
        node: the node.
        error: what its constructor raised.
        log: takes the problem.
    """
    shortage = describe_shortage(error)
    reason = (
        str(error) if isinstance(error, GiantModuleError) else shortage or describe_error(error)
    )
    cause = _find_cause(node, error)
    _note_at(node, cause, f"node '{node.path}' cannot be built: {reason}", log)


def note_giant(node: Node, reason: str, log: ProblemLog) -> None:
    """Notes that a node is too large, at its largest setting.

    Args:
        node: the node.
        reason: what is too large; the message goes on with it.
        log: takes the problem.
    """
    _note_at(node, find_largest(node), f"node '{node.path}' is too large: {reason}", log)


def _note_at(node: Node, cause: tuple[str, Located | None], message: str, log: ProblemLog) -> None:
    """Notes a problem at a setting, or at the node where there is none."""
    (key, value), hint, place = cause, "", node.place
    origin: Place | None = None
    if key:
        hint = f"'{node.path}.{key}' is {_shown(node.config[key])}."
    if value is not None:
        place, origin = value.place, value.origin
        if origin is not None and not origin.line:  # set from outside: the message is about that
            place, origin = origin, None
    log.add(place, message, hint, origin)


def _find_cause(node: Node, error: BaseException) -> tuple[str, Located | None]:
    """The setting that an error is about: the one it names, else the only one written."""
    if isinstance(error, GiantModuleError) or describe_shortage(error):
        return find_largest(node)
    said = describe_error(error, with_kind=False)
    text = f" {said} ".lower()
    named = [key for key in node.config if key.lower() in text]
    written = [key for key, _ in node.written.entries() if key in node.config]
    for key in (key for key in named if key in written):
        return key, node.written.get(key)
    absurd, value = find_largest(node, above=_ABSURD)
    if value is not None:  # what the error names follows from it
        return absurd, value
    for key in named:
        return key, node.written.get(key)
    valued = [key for key in written if repr(node.config[key]) in said]
    for key in [*valued, *(written if len(written) == 1 else ())]:
        return key, node.written.get(key)
    return "", None


def _shown(value: object) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:60]}..."
