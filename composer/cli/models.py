"""`composer models`: lists published models, and keeps the cache of their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from composer.cli.models_cache import fetch, list_, rm, where
from composer.cli.options import json_option, offline_option
from composer.cli.output import format_json, print_columns, print_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.catalogues import Catalogue, Entry

_UNKNOWN = "unknown"


class ModelsGroup(click.Group):
    """A group whose name alone, or before the name of a model, lists models."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the name of the command that lists before what is no command."""
        is_command = bool(args) and args[0] in {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, args if is_command else ["show", *args])


@click.group(
    cls=ModelsGroup,
    short_help="List published models; fetch and remove their weights.",
    commands=[fetch, list_, rm, where],
    subcommand_metavar="[NAME] [OPTIONS] | COMMAND [ARGS]...",
)
def models() -> None:
    """List the published models of installed catalogues, or describe the one of NAME.

    NAME may also be a catalogue or a section of one, whose models are listed. The names of models,
    or any end of one after a slash that no other has, serve wherever a MODEL is expected. The
    weights are fetched when they are used.
    """


@models.command(short_help="List published models, or describe one (the default).")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--task", metavar="TASK", help="List models of this task only: detection, ...")
@click.option("--sizes", is_flag=True, help="Ask servers for sizes that are unknown.")
@json_option()
@offline_option()
def show(name: str | None, task: str | None, sizes: bool, as_json: bool) -> None:
    """List the published models, or describe the one of NAME. Nothing is fetched."""
    from composer.catalogues import list_catalogues

    catalogues = list_catalogues()
    chosen, is_one = _find(name)
    if not is_one:
        chosen = _choose(chosen, task, name)
    rows = [_describe(entry, ask=sizes) for entry in chosen]
    for row in rows:
        licence = next(each.licence for each in catalogues if each.name == row["catalogue"])
        row["licence"] = licence or _UNKNOWN
    if as_json:
        click.echo(format_json(rows))
    elif is_one:
        _print_one(rows[0])
    else:
        _print_all(catalogues, rows)


def _find(name: str | None) -> tuple[Sequence[Entry], bool]:
    """The models that a name means, all without one; and whether it is the name of a model.

    Raises:
        NameResolutionError: it is the name of none.
    """
    from composer.catalogues import find_entry, list_entries, list_section, require_entry

    if name is None:
        return list_entries(), False
    one = find_entry(name)
    if one is None and (section := list_section(name)):
        return section, False
    return [one or require_entry(name)], True


def _choose(entries: Sequence[Entry], task: str | None, section: str | None) -> Sequence[Entry]:
    """The models of a task.

    Raises:
        NameResolutionError: there is no such task.
    """
    from composer.errors import NameResolutionError
    from composer.names import did_you_mean

    if task is None:
        return entries
    found = [entry for entry in entries if task.casefold() in entry.form.task.casefold()]
    if not found:
        hint = did_you_mean(task, {entry.form.task for entry in entries}, "tasks")
        where = "" if section is None else f" of '{section}'"
        raise NameResolutionError(f"no published model{where} has the task '{task}'. {hint}")
    return found


def _describe(entry: Entry, *, ask: bool) -> dict[str, Any]:
    """A model as plain values; what is unknown is None."""
    return {
        "name": entry.name,
        "task": entry.form.task,
        "dataset": entry.form.dataset or None,
        "num_classes": entry.num_classes,
        "metrics": dict(entry.form.metrics),
        "schedule": entry.form.schedule or None,
        "size": _find_size(entry, ask=ask),
        "spec": entry.spec,
        "weights": entry.weights,
        "is_default": entry.form.is_default,
        "catalogue": entry.catalogue,
    }


def _find_size(entry: Entry, *, ask: bool) -> int | None:
    from composer.downloads import find_cached, find_size
    from composer.errors import DownloadError

    try:
        if (found := find_cached(entry.weights)) is not None:
            return found.record.size
        return find_size(entry.weights) if ask and entry.form.size is None else entry.form.size
    except DownloadError as error:
        print_notes([f"note: {error}"])
        return entry.form.size


def _print_all(catalogues: Sequence[Catalogue], rows: Sequence[dict[str, Any]]) -> None:
    for catalogue in catalogues:
        own = [row for row in rows if row["catalogue"] == catalogue.name]
        if not own:
            continue
        click.echo(f"{catalogue.name}: {catalogue.source}")
        click.echo(f"  licence of the weights: {catalogue.licence or _UNKNOWN}")
        head = ("name", "task", "classes", "size", "published metrics")
        print_columns([head, *(_list_cells(row) for row in own)], indent=2)
        click.echo()
    click.echo(
        "`composer predict IMAGE --model NAME` fetches and runs one; any end of a NAME after a "
        "slash\nserves, if no other has it. `composer models NAME` describes one."
    )


def _list_cells(row: dict[str, Any]) -> tuple[str, ...]:
    metrics = _format_metrics(row) or _UNKNOWN
    remark = "" if row["spec"] else "; no spec yet"
    classes = str(row["num_classes"] or "-")
    return row["name"], row["task"], classes, _format_size(row), metrics + remark


def _format_metrics(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in row["metrics"].items())


def _format_size(row: dict[str, Any]) -> str:
    from composer.limits import format_bytes

    return _UNKNOWN if row["size"] is None else format_bytes(row["size"])


def _print_one(row: dict[str, Any]) -> None:
    from composer.discovery import DISTRIBUTION
    from composer.downloads import locate_cached

    path = locate_cached(row["weights"])
    spec = row["spec"] and row["spec"].removeprefix(f"{DISTRIBUTION}/")
    model = row["name"]
    runs = f"composer predict IMAGE --model {model}"
    if spec == model:  # a spec's name alone means random weights
        runs += " --weights default"
    click.echo(model)
    print_columns(
        [
            ("task", row["task"]),
            ("trained on", ", ".join(filter(None, (row["dataset"], row["schedule"]))) or _UNKNOWN),
            ("classes", str(row["num_classes"] or _UNKNOWN)),
            ("published", _format_metrics(row) or _UNKNOWN),
            ("spec", spec or "none yet"),
            ("weights", row["weights"]),
            ("size", _format_size(row)),
            ("in the cache", str(path) if path.is_file() else "no"),
            ("licence", row["licence"]),
            *([("run it with", runs)] if spec else []),
        ],
        indent=2,
    )
