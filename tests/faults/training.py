"""Trainings that are stopped at random moments and resumed: they come to the same, bit for bit.

At length: `python -m faults.training --count 53 --signal SIGKILL`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from composer.checkpoint import read_checkpoint
from faults.commands import Outcome, run_command
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

_TIMES = {"seconds", "data_share", "memory_mb"}
LONGER = EXPERIMENT.replace("iterations: 4", "iterations: 24").replace("every: 2", "every: 3")
WITH_WORKERS = LONGER.replace("num_workers: 0\n  aug", "num_workers: 2\n  aug")
_MOST_STOPS = 3  # of one training
_RESUMABLE = 3  # exit code of a training that can be resumed


class Round(NamedTuple):
    """One training that was stopped and resumed.

    Attributes:
        stops: how often it was stopped before its end.
        codes: the exit codes that the stopped ones had.
        problem: what is wrong; empty if nothing is.
    """

    stops: int
    codes: tuple[int, ...]
    problem: str


class Straight:
    """A training that nothing stops, and others that must come to the same.

    Args:
        folder: takes the experiment, its data and all runs.
        text: the experiment.
    """

    def __init__(self, folder: Path, text: str = LONGER) -> None:
        self._folder = folder
        self._experiment = write_experiment(folder, text)
        run_command(["--version"], folder)  # starts the server of processes
        done = self._train(folder / "straight")
        assert done.code == 0, done.output
        self.seconds = done.seconds

    def stop_and_resume(self, name: str, chance: random.Random, number: signal.Signals) -> Round:
        """Stops a training up to three times, resumes it, and compares it.

        Args:
            name: of its folder.
            chance: gives the moments.
            number: the signal that stops it.
        """
        folder = self._folder / name
        codes: list[int] = []
        for _ in range(_MOST_STOPS):
            done = self._train(folder, after=chance.uniform(0, self.seconds), number=number)
            if done.code == 0:
                break
            codes.append(done.code)
            if problem := self._judge_stop(done, number):
                return Round(len(codes), tuple(codes), problem)
        done = self._train(folder)
        if done.code:
            return Round(len(codes), tuple(codes), f"it does not resume: {done.output}")
        return Round(len(codes), tuple(codes), self._compare(folder))

    def _train(self, folder: Path, **options: Any) -> Outcome:
        arguments = ["train", "--experiment", self._experiment, "--output", folder]
        return run_command([*arguments, "--resume", "--quiet"], self._folder, **options)

    def _judge_stop(self, done: Outcome, number: signal.Signals) -> str:
        if number == signal.SIGKILL:
            return "" if done.code == -number else f"exit code {done.code}: {done.output}"
        if "Traceback" in done.output:
            return f"a traceback: {done.output}"
        lines = done.output.strip().splitlines()
        if done.code == 130:  # before or after the training itself
            return "" if lines[-1:] == ["interrupted"] else f"it says: {done.output}"
        if done.code == _RESUMABLE:
            return "" if "interrupted by SIGINT" in done.output else f"it says: {done.output}"
        return f"exit code {done.code}: {done.output}"

    def _compare(self, folder: Path) -> str:
        straight = self._folder / "straight"
        one, other = (
            read_checkpoint(each / "model.safetensors").tensors for each in (straight, folder)
        )
        if one.keys() != other.keys() or not all(torch.equal(one[k], other[k]) for k in one):
            return "other weights"
        if _read_records(straight) != _read_records(folder):
            return "another log"
        return ""


def _read_records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in _TIMES}
        for line in lines
    ]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=53)
    parser.add_argument("--signal", default="SIGKILL")
    parser.add_argument("--workers", action="store_true", help="read images in two processes")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    chance, stops, problems = random.Random(given.seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        straight = Straight(Path(folder), WITH_WORKERS if given.workers else LONGER)
        print(f"seed {given.seed}; {straight.seconds:.1f} seconds for one training", flush=True)
        number = 0
        while stops < given.count:
            number += 1
            done = straight.stop_and_resume(f"run{number}", chance, signal.Signals[given.signal])
            stops, problems = stops + done.stops, problems + bool(done.problem)
            print(f"run {number}: {done.stops} stops {done.codes} {done.problem}", flush=True)
    print(f"{stops} stops in {number} trainings, {problems} problems")


if __name__ == "__main__":
    _main()
