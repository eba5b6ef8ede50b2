"""`composer import`: makes a spec from a detectron2 configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from composer.cli.options import text_file_option
from composer.cli.output import count_things
from composer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from composer.errors import LocatedProblem
    from composer.importing import Imported


@click.command("import", short_help="Make a spec from a detectron2 configuration.")
@click.argument("config")
@text_file_option()
def import_config(config: str, output: str | None) -> None:
    """Make a spec of CONFIG, a YAML file of detectron2's, or one that its LazyConfig wrote.

    It is read as detectron2 reads it: over its defaults, and over the files that _BASE_ names.
    Nothing in it is executed. Keys that no spec has, such as those of the optimizer, are listed.
    """
    from composer.importing import (
        list_assumed,
        list_not_carried_over,
        list_wanted,
        read_import,
    )

    made = read_import(config)
    _check(made, config)
    if output is None:
        click.echo(made.to_yaml(), nl=False)
        return
    write_text(output, made.to_yaml())
    account = made.account
    click.echo(
        f"{output}: {count_things(len(account.used), 'key')} used, {len(account.default)} at their "
        f"defaults, {len(account.not_carried_over)} not carried over"
    )
    for line in list_not_carried_over(account):
        click.echo(f"  {line}")
    for line in list_assumed(account):
        click.echo(f"Assumed: {line}")
    for line in list_wanted(account):
        click.echo(f"Still to be added: {line}")


def _check(made: Imported, config: str) -> None:
    """Checks the spec, so that none is written that cannot be built.

    Raises:
        SpecError: numbers are out of their ranges, for instance; each problem at its key.
    """
    from composer.construction import check_source
    from composer.errors import SpecError

    try:
        check_source(made.document)
    except SpecError as error:
        found = [_at_its_key(problem, made.keys, config) for problem in error.problems]
        raise SpecError(list(dict.fromkeys(found))) from None


def _at_its_key(problem: LocatedProblem, keys: Mapping[str, str], config: str) -> LocatedProblem:
    """A problem of the spec at the key of the configuration that it comes from, if one is known."""
    from composer.documents import Place, Problem

    for place in (problem.place, getattr(problem, "origin", None)):
        pointer = "" if place is None else re.sub(r"\[\d+\]|'", "", place.pointer)
        key = keys.get(pointer.partition(".")[2])
        if key is not None:
            return Problem(Place(config, pointer=key), problem.message, problem.hint)
    return problem
