"""Commands in processes of their own, which end after a while whether they are done or not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PRELOADED = ["composer.cli.main", "composer.experiment", "composer.prediction", "composer.graph"]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(_PRELOADED)  # so that kills meet the command, not the imports


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
    process = _FORKS.Process(
        target=_run, args=([str(each) for each in arguments], str(folder), str(printed))
    )
    began = time.monotonic()
    process.start()
    assert process.pid is not None
    process.join(after)
    if process.exitcode is None:
        _signal_group(process.pid, number)
        process.join(60)
    seconds = time.monotonic() - began
    assert process.exitcode is not None, "it does not end"
    assert _is_gone(process.pid), "its workers live on"
    output = printed.read_text() if printed.exists() else ""
    printed.unlink(missing_ok=True)
    return Outcome(process.exitcode, seconds, output)


def _run(arguments: list[str], folder: str, printed: str) -> None:
    """The command, in the process that was made for it."""
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # of data workers, as it is usual
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    with open(printed, "ab", buffering=0) as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    from composer.cli.main import main

    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Signals a group, or the process alone as long as it leads none."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)


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
