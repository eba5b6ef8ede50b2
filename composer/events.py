"""Statistics of a training run: scalars by name, with the iteration that each belongs to.

A training loop opens an `EventStorage`, and whatever runs inside may record scalars:

    with EventStorage() as storage:
        for batch in batches:
            losses = graph(batch)          # its nodes call record_scalar
            storage.put_scalar("total_loss", sum(losses.values()))
            storage.step()

A node records with `record_scalar`, which does nothing without a storage: a model can be trained
or looked at without one.
"""

import statistics
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from itertools import islice, takewhile
from typing import TypeAlias

from torch import Tensor

Scalar: TypeAlias = int | float | Tensor

_MAX_LENGTH = 1_000_000


class ScalarHistory:
    """The last values of one scalar, each with its iteration.

    Args:
        max_length: how many values are kept.
    """

    def __init__(self, max_length: int = _MAX_LENGTH) -> None:
        self._values: deque[tuple[float, int]] = deque(maxlen=max_length)
        self._count = 0
        self._sum = 0.0

    def update(self, value: float, iteration: int) -> None:
        """Adds a value."""
        self._values.append((value, iteration))
        self._count += 1
        self._sum += value

    def latest(self) -> float:
        """The last value."""
        return self._values[-1][0]

    def median(self, window_size: int) -> float:
        """The median of the last `window_size` values."""
        return statistics.median(self._last(window_size))

    def avg(self, window_size: int) -> float:
        """The mean of the last `window_size` values."""
        return statistics.fmean(self._last(window_size))

    def global_avg(self) -> float:
        """The mean of all values that there ever were."""
        return self._sum / self._count

    def count_since(self, num_iterations: int) -> int:
        """The number of values of the last iterations, counted back from that of the last value."""
        first = self._values[-1][1] - num_iterations + 1
        recent = takewhile(lambda entry: entry[1] >= first, reversed(self._values))
        return sum(1 for _ in recent)

    def values(self) -> list[tuple[float, int]]:
        """The values that are kept with their iterations, oldest first."""
        return list(self._values)

    def _last(self, count: int) -> list[float]:
        return [value for value, _ in islice(reversed(self._values), count)]


class EventStorage:
    """Takes scalars while it is open as a context, and keeps them afterwards.

    Storages may be nested: the innermost one takes what is recorded.

    Args:
        start_iter: the first iteration; another one than 0 when training is resumed.
        max_length: how many values of each scalar are kept.
    """

    def __init__(self, start_iter: int = 0, *, max_length: int = _MAX_LENGTH) -> None:
        self.iter = start_iter
        self._max_length = max_length
        self._histories: dict[str, ScalarHistory] = {}
        self._latest: dict[str, tuple[float, int]] = {}
        self._smoothing_hints: dict[str, bool] = {}
        self._prefix = ""
        self._num_recorded = 0
        self._tokens: list[Token[EventStorage | None]] = []

    def put_scalar(self, name: str, value: Scalar, smoothing_hint: bool = True) -> None:
        """Records a scalar for the current iteration.

        Args:
            name: its name; slashes group names.
            value: a number, or a tensor of one element.
            smoothing_hint: whether plots should smooth it.

        Raises:
            ValueError: the name was recorded with the other hint before.
        """
        name = self._prefix + name
        value = value.detach().item() if isinstance(value, Tensor) else float(value)
        if self._smoothing_hints.setdefault(name, smoothing_hint) != smoothing_hint:
            raise ValueError(f"'{name}' was recorded with another smoothing_hint before.")
        if name not in self._histories:
            self._histories[name] = ScalarHistory(self._max_length)
        self._histories[name].update(value, self.iter)
        self._latest[name] = (value, self.iter)
        self._num_recorded += 1

    def put_scalars(self, *, smoothing_hint: bool = True, **scalars: Scalar) -> None:
        """Records several scalars by name."""
        for name, value in scalars.items():
            self.put_scalar(name, value, smoothing_hint)

    def step(self) -> None:
        """Goes on to the next iteration."""
        self.iter += 1

    def history(self, name: str) -> ScalarHistory:
        """The values of a scalar.

        Raises:
            KeyError: nothing was recorded under that name.
        """
        if name not in self._histories:
            known = ", ".join(self._histories) or "nothing"
            raise KeyError(f"Nothing was recorded as '{name}'; recorded: {known}.")
        return self._histories[name]

    def histories(self) -> Mapping[str, ScalarHistory]:
        """The values of all scalars by name."""
        return dict(self._histories)

    def latest(self) -> dict[str, tuple[float, int]]:
        """The last value of every scalar, with its iteration."""
        return dict(self._latest)

    def smoothing_hints(self) -> Mapping[str, bool]:
        """Whether plots should smooth each scalar."""
        return dict(self._smoothing_hints)

    def latest_with_smoothing_hint(self, window_size: int = 20) -> dict[str, tuple[float, int]]:
        """Like `latest`, with medians for scalars that should be smoothed.

        Args:
            window_size: the number of iterations that a median covers, counted back from the last
                one in which the scalar was recorded: a scalar that is recorded in every tenth
                iteration has two values in a window of 20.
        """
        return {
            name: (self._median(name, window_size), iteration)
            if self._smoothing_hints[name]
            else (value, iteration)
            for name, (value, iteration) in self._latest.items()
        }

    def _median(self, name: str, num_iterations: int) -> float:
        history = self._histories[name]
        return history.median(history.count_since(num_iterations))

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Puts `name/` before every name that is recorded inside the `with` block."""
        outer = self._prefix
        self._prefix = f"{outer}{name.rstrip('/')}/"
        try:
            yield
        finally:
            self._prefix = outer

    def __enter__(self) -> "EventStorage":
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())


_current: ContextVar[EventStorage | None] = ContextVar("event_storage", default=None)


def get_event_storage() -> EventStorage:
    """Returns the innermost storage that is open.

    Raises:
        RuntimeError: none is open.
    """
    storage = _current.get()
    if storage is None:
        raise RuntimeError("There is no event storage here: open one with `with EventStorage():`.")
    return storage


def record_scalar(name: str, value: Scalar) -> None:
    """Records a scalar in the innermost open storage; without one it does nothing."""
    storage = _current.get()
    if storage is not None:
        storage.put_scalar(name, value)


def count_recorded() -> int:
    """The number of values that the innermost open storage has taken; 0 without one."""
    storage = _current.get()
    return 0 if storage is None else storage._num_recorded


@contextmanager
def without_recording() -> Iterator[None]:
    """Records nothing inside the `with` block, for what is computed a second time."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
