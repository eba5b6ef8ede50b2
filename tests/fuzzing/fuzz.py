"""Fuzzes at length: `python -m fuzzing.fuzz spec --count 100000`.

Each case is read in a process of its own group, so that a crash of the interpreter is found too.
Cases are made from numbers: `--first N --count 1` repeats case N.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from composer.errors import ComposerError
from composer.limits import ExpansionError
from fuzzing.target import Target
from fuzzing.targets import SPECS, make_targets

_EXPECTED = (ComposerError, OSError, ExpansionError)
_BATCH = 50
_ROUND = 2_000  # cases of one pool of processes


@dataclass
class Findings:
    """What was found.

    Args:
        count: number of cases.
        refused: those that were refused with an error of ours.
        failures: a text for each case that failed in another way, or took too long.
        slowest: processor seconds of the slowest case.
    """

    count: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.count} cases, {self.refused} refused, {len(self.failures)} failures, "
            f"slowest {self.slowest:.2f} processor seconds"
        )

    def add(self, other: Findings) -> None:
        """Adds the findings of other cases."""
        self.count, self.refused = self.count + other.count, self.refused + other.refused
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)


def read_cases(target: Target, first: int, count: int, folder: Path, seconds: float) -> Findings:
    """Reads some cases of a target.

    Args:
        target: what is fuzzed.
        first: number of the first case.
        count: number of cases.
        folder: takes the file of a case.
        seconds: processor seconds that a case may take.
    """
    found = Findings()
    file = folder / f"case-{os.getpid()}{target.suffix}"
    for number in range(first, first + count):
        file.write_bytes(target.make_case(number))
        began = time.process_time()
        try:
            target.read(file)
        except _EXPECTED:
            found.refused += 1
        except Exception as error:
            trace = "".join(traceback.format_exception(error)[-4:])
            found.failures.append(f"case {number}: {type(error).__name__}\n{trace}")
        took = time.process_time() - began
        found.count, found.slowest = found.count + 1, max(found.slowest, took)
        if took > seconds:
            found.failures.append(f"case {number}: {took:.1f} processor seconds")
    return found


def _read_in_process(name: str, first: int, count: int, folder: str, seconds: float) -> Findings:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    return read_cases(_targets()[name], first, count, Path(folder), seconds)


_made: list[dict[str, Target]] = []


def _targets() -> dict[str, Target]:
    """The targets, made once in a process."""
    if not _made:
        _made.append(dict(make_targets()))
    return _made[0]


def fuzz(name: str, first: int, count: int, *, seconds: float, processes: int) -> Findings:
    """Reads cases in several processes, and prints how far it is.

    A batch in which a process dies is read again case by case, to find which one it was.
    """
    found = Findings()
    end = first + count
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(SPECS, folder, dirs_exist_ok=True)
        for start in range(first, end, _ROUND):
            size = min(_ROUND, end - start)
            found.add(_read_round(name, start, size, folder, seconds, processes))
            if count > _ROUND:
                print(f"{name}: {found}", flush=True)
    return found


def _read_round(
    name: str, first: int, count: int, folder: str, seconds: float, processes: int
) -> Findings:
    found = Findings()
    end = first + count
    batches = [(start, min(_BATCH, end - start)) for start in range(first, end, _BATCH)]
    while batches:
        again: list[tuple[int, int]] = []
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            running = [
                (batch, pool.submit(_read_in_process, name, *batch, folder, seconds))
                for batch in batches
            ]
            for (start, size), future in running:
                try:
                    found.add(future.result())
                except BrokenProcessPool:
                    again += list(_split(start, size))
        again, dead = _confirm(name, again, folder, seconds)
        found.failures += [f"case {start}: the process died" for start, _ in dead]
        found.count += len(dead)
        batches = again
    return found


def _split(start: int, size: int) -> Iterator[tuple[int, int]]:
    return ((number, 1) for number in range(start, start + size))


def _confirm(
    name: str, cases: list[tuple[int, int]], folder: str, seconds: float
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The cases to read again after a process died, and those that killed it."""
    dead = []
    for case in cases:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                pool.submit(_read_in_process, name, *case, folder, seconds).result()
            except BrokenProcessPool:
                dead.append(case)
    return [case for case in cases if case not in dead], dead


def main() -> int:
    """Fuzzes one target, or all of them, and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", help="one target; all by default")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    names = [options.target] if options.target else list(make_targets())
    is_clean = True
    for name in names:
        found = fuzz(
            name,
            options.first,
            options.count,
            seconds=options.seconds,
            processes=options.processes,
        )
        is_clean = is_clean and not found.failures
        print(f"{name}: {found}", flush=True)
        for failure in found.failures[:20]:
            print(f"  {failure}", flush=True)
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
