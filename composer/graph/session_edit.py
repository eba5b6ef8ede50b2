"""The handle of an edit of a session."""

from __future__ import annotations

from collections.abc import Callable


class SessionEdit:
    """An edit of a session, and the way to take it back; also as a context manager.

    Args:
        take_back: takes the edit back, unless that was done or another is in its place.
    """

    def __init__(self, take_back: Callable[[], None]) -> None:
        self._take_back = take_back

    def undo(self) -> None:
        """Takes the edit back; one that was taken back or replaced already is passed over."""
        self._take_back()

    def __enter__(self) -> SessionEdit:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()
