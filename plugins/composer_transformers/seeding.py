"""The global random generator, for modules that draw from no other."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_MAX_SEED = 2**62


@contextmanager
def seeded_by(generator: torch.Generator, *, draws: bool = True) -> Iterator[None]:
    """Forks torch's global generators within the block, seeded with a number of another one.

    transformers' dropout, denoising and sampling of points draw from the global generator. What
    they draw depends on the node's generator alone then, and other nodes' numbers do not change.

    Args:
        generator: of the node; one number is drawn from it.
        draws: whether anything is drawn within the block; otherwise nothing is done.
    """
    if not draws:
        yield
        return
    device = generator.device
    seed = torch.randint(_MAX_SEED, (), generator=generator, device=device, dtype=torch.int64)
    devices = [] if device.type == "cpu" else [device.index or 0]
    with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"):
        torch.manual_seed(int(seed))
        yield
