"""Commands in processes of their own, which end after a while whether they are done or not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from forked_commands import end_group, start_command


class Outcome(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code; the negative number of the signal that ended it.
        seconds: how long it ran.
        output: what it printed.
    """

    code: int
    seconds: float
    output: str


def run_command(
    arguments: Sequence[object],
    folder: Path,
    *,
    after: float | None = None,
    number: signal.Signals = signal.SIGKILL,
) -> Outcome:
    """Runs `composer` in a folder, as the leader of a process group.

    Args:
        arguments: those of the command.
        folder: the folder to run in.
        after: seconds after which the whole group gets a signal; None: it is left to end.
        number: the signal.

    Raises:
        AssertionError: processes of the group outlive it.
    """
    printed = folder / f"printed-{time.monotonic_ns()}.txt"
    began = time.monotonic()
    process = start_command(arguments, folder, printed)
    process.join(after)
    if process.exitcode is None:
        end_group(process, number)
        process.join(60)
    seconds = time.monotonic() - began
    assert process.exitcode is not None, "it does not end"
    assert process.pid is not None
    assert _is_gone(process.pid), "its workers live on"
    output = printed.read_text() if printed.exists() else ""
    printed.unlink(missing_ok=True)
    return Outcome(process.exitcode, seconds, output)


def _is_gone(group: int, seconds: float = 20) -> bool:
    """Whether no process of a group is left, after a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
