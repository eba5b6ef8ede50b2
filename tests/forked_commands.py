"""`composer` in processes that are forked from one with all imports done.

Such a process is as the program itself would be: arguments, folder, environment, module path and
streams are those of the call, and its end is an exit code or a signal. It leads a process group.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

from forked_processes import FORKS

_TIMEOUT = 600  # seconds for one command


def start_command(
    arguments: Sequence[object],
    folder: Path,
    printed: Path,
    environment: Mapping[str, str] | None = None,
) -> BaseProcess:
    """Starts `composer`; the first one waits for the imports.

    Args:
        arguments: those of the command.
        folder: the folder to run in.
        printed: the file that both output streams are appended to.
        environment: variables of the process; None for those of this one.
    """
    given = dict(os.environ if environment is None else environment)
    path = [*filter(None, given.get("PYTHONPATH", "").split(os.pathsep)), *_find_path()]
    process = FORKS.Process(
        target=_run,
        args=([str(each) for each in arguments], str(folder), str(printed), given, path),
    )
    process.start()
    return process


def run_composer(
    arguments: Sequence[object], folder: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Runs `composer` to its end.

    Args:
        arguments: as for `start_command`.
        folder: as for `start_command`.
        environment: as for `start_command`.

    Returns:
        Its exit code, and what it printed to both streams.
    """
    printed = _name_file(folder)
    process = start_command(arguments, folder, printed, environment)
    return _wait([process]), _take(printed)


def run_together(arguments: Sequence[object], folder: Path, count: int = 2) -> tuple[int, str]:
    """Runs `composer` in processes that are one group, as those that torchrun starts.

    Args:
        arguments: as for `start_command`.
        folder: as for `start_command`.
        count: number of processes.

    Returns:
        The first exit code that is not 0, and what all of them printed.
    """
    printed = _name_file(folder)
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    group = {"WORLD_SIZE": f"{count}", "MASTER_ADDR": "localhost", "MASTER_PORT": f"{port}"}
    started = [
        start_command(
            arguments,
            folder,
            printed,
            {**os.environ, **group, "RANK": f"{rank}", "LOCAL_RANK": f"{rank}"},
        )
        for rank in range(count)
    ]
    return _wait(started), _take(printed)


def end_group(process: BaseProcess, number: signal.Signals = signal.SIGKILL) -> None:
    """Signals the group of a command, or the process alone as long as it leads none."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        os.kill(process.pid, number)


def _name_file(folder: Path) -> Path:
    """A new file beside a folder: a command may list what is in this."""
    return folder.parent / f"{folder.name}-printed-{time.monotonic_ns()}.txt"


def _take(printed: Path) -> str:
    """What a file has, which is removed."""
    text = printed.read_text(encoding="utf-8") if printed.exists() else ""
    printed.unlink(missing_ok=True)
    return text


def _wait(processes: Sequence[BaseProcess]) -> int:
    """Waits for commands; the first exit code that is not 0."""
    try:
        for process in processes:
            process.join(_TIMEOUT)
            if process.exitcode is None:
                raise TimeoutError(f"composer takes more than {_TIMEOUT} seconds")
    finally:
        for process in processes:
            if process.exitcode is None:
                end_group(process)
    return next((process.exitcode for process in processes if process.exitcode), 0)


@cache
def _find_path() -> list[str]:
    """The module path of a new process, without the folders of tests."""
    program = "import sys; print(*sys.path[1:], sep='\\n')"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def _run(
    arguments: list[str], folder: str, printed: str, environment: dict[str, str], path: list[str]
) -> None:
    """The command, in the process that was made for it."""
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # of data workers, as it is usual
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    programs = str(Path(sys.executable).parent)
    sys.path[:] = [programs, *path]
    sys.argv[:] = [os.path.join(programs, "composer"), *arguments]
    _open_streams(printed)
    from composer.cli.main import main

    try:
        code = main()
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out
    sys.exit(code)


def _open_streams(printed: str) -> None:
    """Has nothing to read, and writes both streams to a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream, opened in enumerate((nothing, file, file)):
        os.dup2(opened, stream)
    os.close(nothing)
    os.close(file)
