"""Names for the files of visualizations."""

from __future__ import annotations

from collections.abc import Iterable


class FileNames:
    """Gives names to the files of a folder, and each of them once.

    Names that differ in upper and lower case alone are one: on many disks they are one file.

    Args:
        taken: names that are not given.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}
        self._numbers: dict[str, int] = {}  # by name without a number: the last one tried

    def choose(self, stem: str, suffix: str) -> str:
        """A name that was not given before, with a number from 2 on where the plain one was.

        Args:
            stem: the wanted name without a suffix.
            suffix: with its dot.
        """
        name = plain = f"{stem}{suffix}"
        while name.casefold() in self._taken:
            self._numbers[plain] = self._numbers.get(plain, 1) + 1
            name = f"{stem}-{self._numbers[plain]}{suffix}"
        self._taken.add(name.casefold())
        return name
