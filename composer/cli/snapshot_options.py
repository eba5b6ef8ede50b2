"""Options of snapshots: what a failed run had computed, and a run that continues from it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from composer.cli.edit_options import EditChoice
from composer.cli.options import LOAD_ARGUMENTS, Decorator

if TYPE_CHECKING:
    from composer.blueprint import Blueprint, Slot
    from composer.graph import Snapshot
    from composer.language import Mode

# What a run that goes on has of the command that failed, beside settings, mode and seed.
_WAY = ("precision", "optimize", "engine", "calibrate")
_CARRIED = ("weights", *LOAD_ARGUMENTS, "until", "edits", *_WAY, "device")


def save_on_error_option() -> Decorator:
    """The option --save-on-error."""
    return click.option(
        "--save-on-error",
        is_flag=True,
        help="If a node fails, save what was computed to runs/<model>-failed; `composer run "
        "--continue` goes on from there.",
    )


def continue_option() -> Decorator:
    """The option --continue FOLDER, as `snapshot_folder`."""
    return click.option(
        "--continue",
        "snapshot_folder",
        metavar="FOLDER",
        help="Go on from the snapshot of a failed run: with its values, inputs, mode and seed.",
    )


@contextmanager
def saving_on_error(model: str, settings: Sequence[str] = (), *, is_asked: bool) -> Iterator[None]:
    """Saves the session of a node that fails in the `with` block, and says how to go on.

    Args:
        model: the model, as the user names it.
        settings: what the user sets in it.
        is_asked: whether the user asked for it.
    """
    from composer.errors import CheckpointError, ExecutionError

    try:
        yield
    except ExecutionError as error:
        if is_asked and error.session is not None:
            try:
                _save(error, model, settings)
            except CheckpointError as problem:
                click.echo(f"nothing was saved: {problem}", err=True)
        raise


def _save(error: Any, model: str, settings: Sequence[str]) -> None:
    from composer.cli.output import count_things
    from composer.cli.result_folders import choose_evaluation_folder, name_model

    folder = choose_evaluation_folder(name_model(model), "failed")
    context = click.get_current_context()
    edits: EditChoice = context.params["edits"]
    notes = {"failed": error.path, "error": str(error), "edits": [one.word for one in edits.texts]}
    written = error.session.save(folder, notes)
    click.echo(f"saved {count_things(len(written.values), 'value')} to {folder}", err=True)
    for name, reason in written.left_out.items():
        click.echo(f"  without {name}: {reason}", err=True)
    words = ["composer", "run", model, *(word for each in settings for word in ("--set", each))]
    words += ["--continue", str(folder), *list_options(context, _CARRIED)]
    click.echo(f"  when it is mended: {shlex.join(words)}", err=True)


def list_options(context: click.Context, names: Collection[str]) -> list[str]:
    """The options of a command line that a user gave, as words of another one.

    Args:
        context: of the command.
        names: of the options' values, those that the other command has, too.
    """
    words: list[str] = []
    for option in context.command.params:
        name, value = str(option.name), context.params.get(str(option.name))
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if name not in names or not is_given:
            continue
        if isinstance(value, bool):
            words.append(option.opts[0] if value else option.secondary_opts[0])
            continue
        if isinstance(value, EditChoice):
            texts = [text.word for text in value.texts]
        elif isinstance(value, Mapping):
            texts = [f"{key}={each}" if key else str(each) for key, each in value.items()]
        else:
            texts = [str(each) for each in (value if isinstance(value, tuple) else (value,))]
        words += [word for text in texts for word in (option.opts[0], text)]
    return words


def read_continued(
    context: click.Context,
    folder: str,
    blueprint: Blueprint,
    mode: Mode,
    seed: int,
    edits: EditChoice,
) -> tuple[Snapshot, Mode, int]:
    """The snapshot that a run goes on from, with its mode and seed, unless the user names others.

    Args:
        context: the command.
        folder: the folder of the snapshot.
        blueprint: the checked spec.
        mode: the mode that the command has.
        seed: the seed that the command has.
        edits: the edits that the command has. Values that had others are left out, and all that
            depends on them.

    Raises:
        InputError: it cannot be read, or is of another mode than the user names.
        NameResolutionError: an edit is of no value.
    """
    from composer.errors import InputError
    from composer.graph import leave_out, read_snapshot

    snapshot = read_snapshot(folder, blueprint)
    is_named = {
        name: context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for name in ("mode", "seed")
    }
    if is_named["mode"] and mode != snapshot.mode:
        raise InputError(f"{folder}: a snapshot of {snapshot.mode}, and --mode is {mode}")
    changed = _find_changed(snapshot, blueprint, edits)
    names = ", ".join(f"'{slot}'" for slot in changed)
    snapshot = leave_out(
        snapshot,
        changed,
        blueprint.dependencies(snapshot.mode),
        f"it was computed with other edits of {names}",
    )
    for name, reason in snapshot.left_out.items():
        click.echo(f"not taken from the snapshot: {name}: {reason}", err=True)
    return snapshot, snapshot.mode, seed if is_named["seed"] else snapshot.seed


def _find_changed(snapshot: Snapshot, blueprint: Blueprint, edits: EditChoice) -> list[Slot]:
    """The slots whose edits are others than those of a snapshot, or not known to be the same."""
    from composer.errors import ComposerError

    before: dict[Slot, tuple[str, ...]] = dict.fromkeys(snapshot.edited, ())
    with suppress(ComposerError, click.BadParameter):  # a changed spec may lack what was edited
        before |= EditChoice.parse(snapshot.edits).describe(blueprint, snapshot.mode)
    wanted = edits.describe(blueprint, snapshot.mode)
    return [slot for slot in {**wanted, **before} if wanted.get(slot) != before.get(slot)]


def choose_needed(
    snapshot: Snapshot, blueprint: Blueprint, until: Sequence[str], fed: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a snapshot that a run needs, by name, beside what the user feeds.

    Args:
        snapshot: the snapshot.
        blueprint: the checked spec.
        until: what the run is for; the whole graph if empty.
        fed: values that the user gives, by name, which take the place of those of the snapshot.
    """
    from composer.graph import spread_feeds

    mode = snapshot.mode
    given: dict[Slot, Any] = spread_feeds(fed, blueprint.book(mode), blueprint.dependencies(mode))
    slots = {**snapshot.values, **given}
    plan = blueprint.plan(mode, until or None, slots)
    chosen = {slot: snapshot.values[slot] for slot in plan.used_feeds if slot not in given}
    return {str(slot): value for slot, value in chosen.items()}
