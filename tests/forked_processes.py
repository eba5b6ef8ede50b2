"""Processes that are forked from one with all imports done: a start takes no seconds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

# Modules that take long to import and that several tests import in other processes. Importing them
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
    "torch.distributed.checkpoint.state_dict",
    "torch.distributed.fsdp",
    "torch.utils.tensorboard",
    "torchvision.ops",
]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(PRELOADED)  # of the one server of this process


def run_processes(function: Callable[..., object], arguments: tuple[Any, ...], count: int) -> None:
    """Runs a function in processes; its first argument is the number of the process.

    Raises:
        torch.multiprocessing.ProcessRaisedException: it fails in one of them.
    """
    from torch.multiprocessing import start_processes

    start_processes(function, arguments, count, start_method="forkserver")
