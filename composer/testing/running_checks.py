"""Checks that a run has no side effects and can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from composer.testing.building_checks import describe_briefly
from composer.testing.snapshot import find_differences
from composer.testing.trial import Outcome, Trial


def check_side_effects(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """Yields side effects of a run."""
    for change in outcome.input_changes:
        yield f"it changes what it receives: {change}"
    if trial.mode == "inference":  # statistics that training updates are no fault
        for change in outcome.state_changes:
            yield f"a run in inference mode changes the module itself: {change}"
    if outcome.drew_from_torch:
        yield f"it draws from torch's global generator: {_draw_from(trial)}"


def check_repetition(trial: Trial, function: Callable[..., Any], outcome: Outcome) -> Iterator[str]:
    """Yields how a second run on equal inputs, with an equal generator, differs.

    In inference mode it is the same module that runs again; in training mode, where statistics may
    have changed, one that is built again.

    Args:
        trial: the trial.
        function: the module or function that ran.
        outcome: its outcome.
    """
    try:
        again = trial.run(function if trial.mode == "inference" else trial.build())
        other = trial.run(trial.build(), luck=1) if outcome.drew_from_others else again
    except Exception as error:
        yield f"a second run on equal inputs fails: {describe_briefly(error)}"
        return
    difference = next(find_differences(outcome.snapshot, again.snapshot, "output"), None)
    if difference is not None:
        yield f"a second run on equal inputs returns another result: {difference}"
    elif any(find_differences(again.snapshot, other.snapshot, "output")):
        source = "Python's or numpy's global generator"
        yield f"its result depends on {source}: {_draw_from(trial)}"


def _draw_from(trial: Trial) -> str:
    if trial.contract.takes_generator:
        return "draw from the `generator` that it is given alone"
    return "take a `generator: torch.Generator` and draw from that"
