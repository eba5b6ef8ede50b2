"""Measuring two ways of doing one thing side by side."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """Times of two ways, taken in turns.

    Args:
        seconds: median time of the way that is measured.
        peer_seconds: median time of its peer.
        ratio: median of the ratios of neighbouring measurements.
        spread: interquartile range of those ratios.
    """

    seconds: float
    peer_seconds: float
    ratio: float
    spread: float


def compare(way: Callable[[], object], peer: Callable[[], object], rounds: int) -> Comparison:
    """Times both ways in turns, after one warm-up each; which goes first alternates."""
    way(), peer()
    pairs: list[tuple[float, float]] = []
    for turn in range(rounds):
        if turn % 2:
            second, first = _time(peer), _time(way)
        else:
            first, second = _time(way), _time(peer)
        pairs.append((first, second))
    ratios = [first / second for first, second in pairs]
    quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    return Comparison(
        seconds=statistics.median(first for first, _ in pairs),
        peer_seconds=statistics.median(second for _, second in pairs),
        ratio=statistics.median(ratios),
        spread=quarters[2] - quarters[0],
    )


def _time(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def find_power(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The power of the size with which times grow, by least squares of the logarithms."""
    x, y = np.log(np.asarray(sizes)), np.log(np.asarray(times))
    return float(np.polyfit(x, y, 1)[0])
