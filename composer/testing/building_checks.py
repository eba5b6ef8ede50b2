"""Checks that a module can be built, copied, saved and loaded as by a graph."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from composer.escapes import describe_error
from composer.testing.shape_checks import read_declared
from composer.testing.snapshot import find_differences, take_snapshot
from composer.testing.trial import Trial

_MAX_CHARACTERS = 300


def check_building(trial: Trial, module: nn.Module) -> Iterator[str]:
    """Yields faults of building a module.

    Args:
        trial: the trial.
        module: a module that it built.
    """
    again = trial.build()
    assert isinstance(again, nn.Module)
    differences = find_differences(
        take_snapshot(module.state_dict()), take_snapshot(again.state_dict()), "state_dict"
    )
    first = next(differences, None)
    if first is not None:
        yield (
            f"built twice from one seed, it starts with other weights ({first}): "
            "draw them from torch's global generator"
        )
    yield from _check_without_memory(trial, module)


def check_copying(trial: Trial) -> Iterator[str]:
    """Yields how a deep copy fails or differs."""
    original = trial.build()
    try:
        copied = copy.deepcopy(original)
    except Exception as error:
        yield f"it cannot be deep-copied: {describe_briefly(error)}"
        return
    yield from _compare_runs(trial, original, copied, "a deep copy of it")


def check_state_dict(trial: Trial) -> Iterator[str]:
    """Yields differences after saving and loading a state dict."""
    original, other = trial.build(), trial.build(salt=1)
    assert isinstance(original, nn.Module)
    assert isinstance(other, nn.Module)
    state = original.state_dict()
    strange = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if strange:
        yield f"its state dict holds '{strange[0]}', which is no tensor: checkpoints hold tensors"
    try:
        other.load_state_dict(state)
    except Exception as error:
        yield f"another build of it cannot load its state dict: {describe_briefly(error)}"
        return
    yield from _compare_runs(trial, original, other, "another build that loaded its state dict")


def describe_briefly(error: Exception) -> str:
    """The error's type and message on one line, the end of a long one left out."""
    return textwrap.shorten(describe_error(error), _MAX_CHARACTERS, placeholder=" ...")


def _check_without_memory(trial: Trial, module: nn.Module) -> Iterator[str]:
    """Builds on the meta device, as the check of a spec does.

    Where real numbers are needed for building, torch raises one of the errors that pass here, and
    the check of a spec builds on the CPU.
    """
    try:
        without_memory = trial.build(device="meta")
        declared = read_declared(without_memory)
    except (NotImplementedError, RuntimeError):
        return
    except Exception as error:
        yield (
            "it can be built, but not without memory (on torch's meta device), where specs are "
            f"checked: {describe_briefly(error)}"
        )
        return
    if declared != read_declared(module):
        yield f"its output_shape is {read_declared(module)}, but {declared} on the meta device"


def _compare_runs(
    trial: Trial, original: Callable[..., Any], other: Callable[..., Any], what: str
) -> Iterator[str]:
    wanted = trial.run(original)
    try:
        found = trial.run(other)
    except Exception as error:
        yield f"{what} fails: {describe_briefly(error)}"
        return
    difference = next(find_differences(wanted.snapshot, found.snapshot, "output"), None)
    if difference is not None:
        yield f"{what} returns another result: {difference}"
