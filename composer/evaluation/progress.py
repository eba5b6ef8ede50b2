"""Progress over images: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

_BETWEEN_LINES = 60.0  # seconds


class EvaluationProgress:
    """Shows on the standard error how many images are done, inside a `with` block.

    Args:
        num_images: number of images of this process.
        quiet: show nothing.
        done: what was done with an image.
    """

    def __init__(self, num_images: int, *, quiet: bool = False, done: str = "evaluated") -> None:
        self._num_images, self._quiet, self._word = num_images, quiet, done
        self._is_terminal = sys.stderr.isatty()
        self._done = 0

    def __enter__(self) -> EvaluationProgress:
        hidden = self._quiet or not self._is_terminal
        self._bar = tqdm(total=self._num_images, unit="image", leave=False, disable=hidden)
        self._began = self._printed = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def update(self, num_images: int) -> None:
        """Counts the images of a batch."""
        self._done += num_images
        self._bar.update(num_images)
        now = time.monotonic()
        if self._quiet or self._is_terminal or now - self._printed < _BETWEEN_LINES:
            return
        self._printed = now
        left = (now - self._began) / self._done * (self._num_images - self._done)
        print(
            f"{self._word} {self._done} of {self._num_images} images, "
            f"{tqdm.format_interval(left)} left",
            file=sys.stderr,
            flush=True,
        )
