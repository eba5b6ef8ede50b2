"""Progress of a training: a bar on a terminal, lines in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import torch
from tqdm import tqdm

from composer.training.losses import TOTAL_LOSS
from composer.training.training_step import GRAD_NORM

LR, SECONDS, DATA_SHARE, MEMORY = "lr", "seconds", "data_share", "memory_mb"


class Progress:
    """Prints the progress of a training.

    Args:
        iterations: number of iterations in all.
        start: number of iterations done before.
        quiet: print nothing.
    """

    def __init__(self, iterations: int, start: int = 0, *, quiet: bool = False) -> None:
        self._iterations, self._start, self._quiet = iterations, start, quiet
        self._began = time.monotonic()
        is_terminal = sys.stderr.isatty() and sys.stdout.isatty()
        hidden = quiet or not is_terminal
        self._bar = tqdm(total=iterations, initial=start, unit="it", leave=False, disable=hidden)

    def advance(self) -> None:
        """Counts an iteration."""
        self._bar.update()

    def print(self, text: str) -> None:
        """Prints a line."""
        if self._quiet:
            return
        if self._bar.disable:
            print(text, flush=True)
        else:
            self._bar.write(text)

    def record(self, iteration: int, values: Mapping[str, float]) -> None:
        """Prints a record as a line.

        Args:
            iteration: number of iterations done.
            values: the values of the record.
        """
        losses = {n: v for n, v in values.items() if n.startswith("loss") and n != TOTAL_LOSS}
        parts = [
            f"iteration {iteration}/{self._iterations}",
            f"loss {values[TOTAL_LOSS]:.4g}" + (f" ({_short(losses)})" if len(losses) > 1 else ""),
            f"lr {values[LR]:.2g}",
            f"grad {values[GRAD_NORM]:.3g}",
            f"{values[SECONDS]:.3g} s/it",
            f"waits {values[DATA_SHARE]:.0%}",
            f"{values[MEMORY] / 1024:.1f} GB",
            f"eta {format_time(self._seconds_left(iteration))}",
        ]
        self.print("  ".join(parts))

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()

    def _seconds_left(self, iteration: int) -> float:
        done = max(iteration - self._start, 1)
        return (time.monotonic() - self._began) / done * (self._iterations - iteration)


def format_time(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def memory_in_use(device: torch.device) -> float:
    """Peak memory of a CUDA device, else of this process, in MB; 0 where it is unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _short(losses: Mapping[str, float]) -> str:
    return " ".join(f"{name.removeprefix('loss_')} {value:.3g}" for name, value in losses.items())
