"""`composer` in processes that are forked from one with all imports done: a start takes no seconds.

Such a process is as the program itself would be: arguments, folder, environment, module path and
streams are those of the call, and its end is an exit code or a signal. It leads a process group.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

# Modules that take long to import and that several commands import when they run. Importing them
# computes nothing: threads of a computation would be missing in the forked processes.
PRELOADED = [
    "composer.cli.main",
    "composer.construction",
    "composer.data.loading.batches",
    "composer.evaluation",
    "composer.experiment",
    "composer.experiment.annotation_check",
    "composer.extraction",
    "composer.graph",
    "composer.prediction",
    "composer.training",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "numba",  # an extra
    "tabulate",
    "torch._dynamo",
    "torch.utils.tensorboard",
    "torchvision.ops",
]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(PRELOADED)


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
    process = _FORKS.Process(
        target=_run,
        args=([str(each) for each in arguments], str(folder), str(printed), given, path),
    )
    process.start()
    return process


def end_group(process: BaseProcess, number: signal.Signals = signal.SIGKILL) -> None:
    """Signals the group of a command, or the process alone as long as it leads none."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        os.kill(process.pid, number)


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
