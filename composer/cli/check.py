"""`composer check`: reports the problems of specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.model_argument import read_spec_argument
from composer.cli.options import set_option
from composer.cli.output import count_things
from composer.errors import CheckpointError, InputError, NameResolutionError, SpecError
from composer.escapes import shorten_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from composer.blueprint import Node


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
    failed = False
    for spec in specs:
        try:
            finding = _check_form(spec, settings) if form_only else _check(spec, settings)
            click.echo(f"{spec}: {finding}")
        except SpecError as error:
            click.echo(str(error))
            failed = True
        except (CheckpointError, InputError, NameResolutionError) as error:
            click.echo(shorten_words(f"{spec}: {error}"))
            failed = True
    if failed:
        context.exit(1)


def _check(spec: str, settings: Sequence[str]) -> str:
    from composer.construction import check_source

    source = read_spec_argument(spec, settings)
    blueprint = check_source(source.spec, set=source.settings)
    return f"ok ({_count(blueprint.nodes.values())})"


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
