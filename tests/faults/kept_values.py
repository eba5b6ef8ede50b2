"""Processes that share a folder of kept values, and are killed at random moments.

At length: `python -m faults.kept_values --count 50`.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from composer.value_cache import ValueCache, measure_values
from forked_processes import FORKS

NUM_KEYS, LIMIT = 60, 3_000_000


def make_key(number: int) -> str:
    """The key of a number."""
    return f"{number:064x}"


def make_value(number: int) -> dict[str, torch.Tensor]:
    """The one value of a key: files of up to 200 kB."""
    generator = torch.Generator().manual_seed(number)
    return {
        "a": torch.rand(1 + 700 * number, generator=generator),
        "b": torch.randint(0, 9, (number, 3), generator=generator),
    }


def work(folder: str, seed: int) -> None:
    """Reads and keeps values without end, and fails at the first that is wrong."""
    draw = random.Random(seed)
    cache = ValueCache(folder, LIMIT)
    while True:
        number = draw.randrange(NUM_KEYS)
        check(cache, number)
        cache.keep(make_key(number), make_value(number))


def check(cache: ValueCache, number: int) -> bool:
    """Whether a value is there; if it is, it is the right one."""
    found = cache.find(make_key(number))
    if found is None:
        return False
    wanted = make_value(number)
    assert found[0].keys() == wanted.keys()
    assert all(torch.equal(found[0][name], wanted[name]) for name in wanted)
    return True


def kill_at_random_moments(folder: Path, count: int, seed: int = 0) -> None:
    """Lets three processes work at once, and kills one after the other.

    Args:
        folder: the folder of the values.
        count: processes that are killed.
        seed: of the moments.
    """
    draw = random.Random(seed)
    started = [_start(folder, number) for number in range(3)]
    try:
        wait_for_values(folder, started)
        for number in range(count):
            time.sleep(draw.uniform(0.0, 0.2))
            victim = started.pop(0)
            assert victim.is_alive(), "a process found a wrong value"
            victim.kill()
            victim.join()
            started.append(_start(folder, number + 3))
    finally:
        for process in started:
            process.kill()
            process.join()
    cache = ValueCache(folder, LIMIT)
    assert sum(check(cache, number) for number in range(NUM_KEYS)) > 0
    cache.keep(make_key(NUM_KEYS), make_value(NUM_KEYS))
    assert measure_values(folder).size <= 2 * LIMIT  # unfinished files of the killed among them


def _start(folder: Path, seed: int) -> ForkServerProcess:
    """A process that works, which does not import torch anew."""
    process = FORKS.Process(target=work, args=(str(folder), seed), daemon=True)
    process.start()
    return process


def wait_for_values(folder: Path, processes: list[ForkServerProcess]) -> None:
    """Waits until something was kept."""
    for _ in range(600):
        if folder.is_dir() and measure_values(folder).num_entries > 3:
            return
        assert all(process.is_alive() for process in processes)
        time.sleep(0.1)
    raise AssertionError("nothing was kept in a minute")


def main() -> None:
    """Kills processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kill_at_random_moments(Path(folder) / "values", options.count, options.seed)


if __name__ == "__main__":
    main()
