"""Console blocks: commands after `$ `, and below each what it prints.

A line `...` stands for any number of lines, `...` within a line for anything. Times and the
number of blanks do not count.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_PROMPT = "$ "
_TIME = re.compile(r"\b\d[\d.,]*\s?(?:ns|us|µs|ms|s|min|h)\b")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Exchange:
    """A command and the output that is shown below it, which may be none."""

    command: str
    output: str


def split_transcript(text: str) -> Iterator[Exchange]:
    """Yields the commands of a console block, each with its output.

    A command goes on in the next line after a backslash.

    Raises:
        ValueError: if the block does not begin with a command.
    """
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        if not lines[position].startswith(_PROMPT):
            raise ValueError(f"no command before: {lines[position]}")
        command = [lines[position].removeprefix(_PROMPT)]
        while command[-1].endswith("\\") and position + 1 < len(lines):
            position += 1
            command.append(lines[position])
        start = position = position + 1
        while position < len(lines) and not lines[position].startswith(_PROMPT):
            position += 1
        yield Exchange("\n".join(command), "\n".join(lines[start:position]).strip("\n"))


def compare_output(shown: str, printed: str) -> str:
    """Gives the difference of what a page shows to what was printed, or an empty text."""
    shown_lines, printed_lines = _normalize(shown), _normalize(printed)
    pattern = "".join(_line_pattern(line) for line in shown_lines)
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in printed_lines)):
        return ""
    difference = difflib.unified_diff(
        shown_lines, printed_lines, "shown on the page", "printed by the command", lineterm="", n=50
    )
    return "\n".join(difference)


def _normalize(text: str) -> list[str]:
    without_times = _TIME.sub("<time>", text.strip("\n"))
    return [_BLANKS.sub(" ", line).strip() for line in without_times.splitlines()]


def _line_pattern(line: str) -> str:
    if line == "...":
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in line.split("...")) + r"\n"
