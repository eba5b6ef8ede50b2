"""The outcome of a sweep: a table, a picture, and JSON."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.escapes import escape_name
from composer.files import write_json
from composer.html_parts import make_report
from composer.plurals import count_noun


@dataclass(frozen=True)
class SweepRow:
    """One edit at one place.

    Args:
        place: name of the value, as given.
        edit: name of the edit; empty where there is one only.
        score: the score with the edit; None where there is none.
        change: the score, less that without the edit.
        seconds: the time of the run.
        error: why there is no score; empty if there is one.
    """

    place: str
    edit: str
    score: float | None
    change: float | None
    seconds: float
    error: str = ""

    @property
    def name(self) -> str:
        """Place and edit."""
        return f"{self.place} {self.edit}".rstrip()


@dataclass(frozen=True)
class Sweep:
    """What edits did to a score. It prints as a table, and `save` writes a picture or JSON.

    Args:
        score: name of the score.
        before: the score without edits.
        rows: a row for each place and edit, in the order that was asked for.
    """

    score: str
    before: float
    rows: tuple[SweepRow, ...]

    @property
    def ranked(self) -> tuple[SweepRow, ...]:
        """The rows with a score, those first that change it most."""
        known = [row for row in self.rows if row.change is not None]
        return tuple(sorted(known, key=lambda row: -abs(row.change or 0.0)))

    def to_json(self) -> dict[str, Any]:
        """The sweep as a value that `json.dumps` takes."""
        return {
            "score": self.score,
            "before": self.before,
            "rows": [
                {
                    "place": row.place,
                    "edit": row.edit,
                    "score": row.score,
                    "change": row.change,
                    "seconds": row.seconds,
                    "error": row.error or None,
                }
                for row in self.rows
            ],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the sweep to a file: `.json`, or a picture as `.png`, `.svg` or `.pdf`.

        Raises:
            InputError: the file has another ending.
            OSError: it cannot be written.
        """
        if Path(path).suffix.lower() == ".json":
            write_json(path, self.to_json(), indent=2)
            return
        from composer.inside.sweep_plot import plot_sweep

        plot_sweep(path, self)

    def __repr__(self) -> str:
        return f"<Sweep: {self.score} with {count_noun(len(self.rows), 'edit')}>"

    def _repr_html_(self) -> str:
        """The table, in notebooks."""
        return make_report(self)

    def __str__(self) -> str:
        has_names = any(row.edit for row in self.rows)
        cells = [["place", *(["edit"] if has_names else []), "score", "change", ""]]
        for row in self.rows:
            score, change = _write(row.score), _write(row.change, is_signed=True)
            named = [escape_name(row.edit)] if has_names else []
            cells.append([escape_name(row.place), *named, score, change, row.error.split("\n")[0]])
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        lines = [f"{self.score}: {_write(self.before)} without edits"]
        for line in cells:
            texts = [
                cell.rjust(width) if column >= len(line) - 3 else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line[:-1], widths, strict=False))
            ]
            lines.append("  ".join(["", *texts, line[-1]]).rstrip())
        return "\n".join(lines)


def _write(number: float | None, *, is_signed: bool = False) -> str:
    if number is None:
        return "-"
    if number and not math.isfinite(number):
        return str(number)
    return f"{number:+.4g}" if is_signed and number else f"{number:.4g}"
