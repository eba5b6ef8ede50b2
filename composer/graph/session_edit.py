"""The handle of an edit of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from composer.graph.named_values import NamedValue


class SessionEdit:
    """An edit of a session, and the way to take it back; also as a context manager.

    Args:
        place: the value that is edited.
        take_back: takes the edit back, unless that was done or another is in its place.
    """

    def __init__(self, place: NamedValue, take_back: Callable[[], None]) -> None:
        self.place, self._take_back = place, take_back

    def undo(self) -> None:
        """Takes the edit back; one that was taken back or replaced already is passed over."""
        self._take_back()

    def __enter__(self) -> SessionEdit:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()

    def __repr__(self) -> str:
        return f"SessionEdit({self.place})"


def find_undone(name: str, place: NamedValue, edited: Iterable[NamedValue]) -> list[NamedValue]:
    """The edited values that an undo means: the value itself, or of a whole its maps.

    Args:
        name: the name, for messages.
        place: the value that it means.
        edited: the values that are edited.

    Raises:
        KeyError: none of them is; the message lists those that are.
    """
    known = list(edited)
    below = [each for each in known if each.slot == place.slot and not place.member]
    if not below and place not in known:
        listed = ", ".join(map(str, known)) or "nothing"
        raise KeyError(f"'{name}' was not edited; edited: {listed}")
    return below or [place]
