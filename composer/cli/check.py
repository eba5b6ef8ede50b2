"""`composer check`: reports the problems of specs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from composer.cli.model_argument import read_spec_argument
from composer.cli.options import set_option
from composer.cli.output import count_things
from composer.errors import CheckpointError, InputError, NameResolutionError, SpecError
from composer.escapes import shorten_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from composer.blueprint import Blueprint, Node
    from composer.language import Spec
    from composer.outcomes import Outcome


@click.command(short_help="Report the problems of specs.")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@set_option()
@click.option("--form", "form_only", is_flag=True, help="Check the form only; import no plugin.")
@click.pass_context
def check(
    context: click.Context, specs: Sequence[str], settings: Sequence[str], form_only: bool
) -> None:
    """Check each SPEC and print all of its problems, with places and ways out.

    A SPEC may also be a trained model, a checkpoint, the folder of a run, or an experiment.

    The exit code is 1 if there is a problem.
    """
    failed, is_unknown = False, False
    for spec in specs:
        try:
            finding = _check_form(spec, settings) if form_only else _check(spec, settings)
            click.echo(f"{spec}: {finding}")
        except SpecError as error:
            click.echo(str(error))
            failed = True
            is_unknown |= any(each.message.startswith("unknown ") for each in error.problems)
        except (CheckpointError, InputError, NameResolutionError) as error:
            text = str(error)  # which may begin with the file that it is about
            click.echo(shorten_words(text if text.startswith(f"{spec}: ") else f"{spec}: {text}"))
            failed = True
    if is_unknown:
        _print_faults()
    if failed:
        context.exit(1)


def _print_faults() -> None:
    """Prints what plugins publish in vain, which unknown names may count on."""
    from composer.registry import list_all_faults

    for message in list_all_faults():
        click.echo(f"warning: {message}", err=True)


def _check(spec: str, settings: Sequence[str]) -> str:
    """Checks a spec; one that has passed, and whose plugins have not changed, without torch."""
    from composer.documents import ProblemLog
    from composer.language import log_notes, read_spec
    from composer.outcomes import Outcome, make_plain, recall_or_find

    source, log = read_spec_argument(spec, settings), ProblemLog()
    read = read_spec(source.spec, log, set=source.settings)
    checked: list[Blueprint] = []

    def find() -> Outcome:
        from composer.construction import check_read

        blueprint = check_read(source.spec, read, log, has_settings=bool(source.settings))
        checked.append(blueprint)
        has_remarks = read is None or blueprint.spec.notes != read.notes
        return Outcome(f"ok ({_count(blueprint.nodes.values())})", is_lasting=not has_remarks)

    if read is None or log or not _is_self_contained(read):
        return str(find().answer)
    question = make_plain(["check", os.getcwd(), read, bool(source.settings)])
    answer = str(recall_or_find(question, find))
    if not checked:
        log_notes(read.notes)
    return answer


def _is_self_contained(spec: Spec) -> bool:
    """Whether no value of its configuration names a file, which a node may read."""
    from composer.outcomes import make_plain, names_a_file

    configured = [node.config for _, node in spec.graph.walk()]
    return spec.saved is None and not names_a_file(make_plain([configured, spec.resolved]))


def _check_form(spec: str, settings: Sequence[str]) -> str:
    from composer.blueprint import resolve_spec
    from composer.language import load_spec, log_unchecked

    source = read_spec_argument(spec, settings)
    loaded = load_spec(source.spec, set=source.settings)
    log_unchecked(loaded)
    nodes = resolve_spec(loaded).nodes
    return f"the form is ok ({_count(nodes.values())})"


def _count(nodes: Collection[Node]) -> str:
    """How many nodes there are, and from how many plugins they come."""
    plugins = {node.plugin for node in nodes if node.plugin}
    return f"{count_things(len(nodes), 'node')} from {count_things(len(plugins), 'plugin')}"
