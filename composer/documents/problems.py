"""Problems of documents, collected and raised together."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from composer.documents.places import Place
from composer.errors import LocatedProblem, SpecError

_WIDTH = 96
_LONGEST = 2000  # characters of a message
_MAX_HINTS = 50


@dataclass(frozen=True)
class Problem:
    """One mistake in a document.

    Args:
        place: where it stands.
        message: the mistake, and the correct form.
        hint: a way out (the closest match, candidates), or nothing.
        origin: where the value came from, when a param brought it here.
    """

    place: Place
    message: str
    hint: str = field(default="", compare=False)
    origin: Place | None = field(default=None, compare=False)

    def render(self) -> str:
        """The whole message, with place, excerpt and hint."""
        head = textwrap.wrap(
            f"{self.place}: {self.message}",
            _WIDTH,
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines = ["\n".join(head)]
        if excerpt := self.place.excerpt():
            lines.append(textwrap.indent(excerpt, "  "))
        if self.origin is not None:
            lines.append(f"    The value comes from {self.origin}.")
        if self.hint:
            lines.append(textwrap.indent(textwrap.fill(self.hint, _WIDTH - 4), "    "))
        return "\n".join(lines)


class ProblemLog:
    """Collects problems; the same one (found in both modes, say) counts once."""

    def __init__(self) -> None:
        self._problems: dict[LocatedProblem, None] = {}
        self._num_hints = 0

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(
        self,
        place: Place,
        message: str,
        hint: str | Callable[[], str] = "",
        origin: Place | None = None,
    ) -> None:
        """Notes one problem.

        Args:
            place: where it stands.
            message: the mistake, and the correct form.
            hint: a way out. One that has to be searched for is a function: it is called for the
                first problems only, as thousands of searches among thousands of names take minutes.
            origin: where the value came from, when a param brought it to its place.
        """
        problem = Problem(place, _shortened(message), "", origin)
        if problem in self._problems:
            return
        if not isinstance(hint, str):
            self._num_hints += 1
            hint = hint() if self._num_hints <= _MAX_HINTS else ""
        self._problems[replace(problem, hint=_shortened(hint))] = None

    def add_deletion(self, place: Place, what: str, use: Place) -> None:
        """Notes that a document deletes what one that it extends still uses.

        It is one problem however often that is used, as hints are not compared.

        Args:
            place: where it is deleted.
            what: what is deleted.
            use: where it is used, the first of which is shown.
        """
        self.add(place, f"{what} is deleted here, but still used", f"It is used at {use}.")

    def extend(self, error: SpecError) -> None:
        """Notes the problems of an error that was raised further down."""
        for problem in error.problems:
            self._problems.setdefault(problem)

    def update(self, other: ProblemLog) -> None:
        """Notes the problems of another log."""
        self._problems.update({p: None for p in other._problems if p not in self._problems})

    def raise_any(self, remark: str = "", about: str = "") -> None:
        """Raises all that was noted, in the order of the places.

        Args:
            remark: what is to be said of all of them.
            about: the document that the remark is about, which is left out where none of them
                stands in it; any, if empty.

        Raises:
            SpecError: if anything was noted.
        """
        if self._problems:
            order = sorted(
                self._problems, key=lambda p: (p.place.source, p.place.line, p.place.column)
            )
            is_meant = not about or any(problem.place.source == about for problem in order)
            raise SpecError(order, remark if is_meant else "")


def _shortened(text: str) -> str:
    """A text without its middle, where a value of megabytes stands in it."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}"
