"""`composer cache`: what the cache holds, and clearing it; or a folder of `--cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cache_folders import KINDS
from composer.cli.options import json_option
from composer.cli.output import count_things, format_json, print_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def _kind_option(verb: str) -> Callable[[Any], Any]:
    return click.option(
        "--kind",
        "kinds",
        type=click.Choice(list(KINDS)),
        multiple=True,
        help=f"{verb} this kind only; repeatable.  [default: all]",
    )


def _folder_argument() -> Callable[[Any], Any]:
    return click.argument("folder", required=False)


@click.group(short_help="Show what the cache holds, or clear it.")
def cache() -> None:
    """Show what the cache holds, or clear it.

    It has downloads, compiled parts of models, and contracts (checked specs and descriptions of
    node types). Nothing in it is lost for good: it is fetched, compiled or found again.

    With a FOLDER it is the values of nodes that other commands keep there with --cache FOLDER.
    """


@cache.command(short_help="Show kinds, counts, sizes and folders.")
@_folder_argument()
@_kind_option("Show")
@json_option()
def show(folder: str | None, kinds: Sequence[str], as_json: bool) -> None:
    """Show what the cache holds: the entries of each kind, their size, and where they are.

    Of a FOLDER of kept values: those of each node, and when they were used last.
    """
    if folder is not None:
        _show_values(folder, kinds, as_json=as_json)
        return
    from composer.cache_folders import find_cache_root, measure_cache
    from composer.limits import format_bytes

    found = [measure_cache(kind) for kind in _choose(kinds)]
    total = sum(each.size for each in found)
    if as_json:
        rows = [{**each._asdict(), "folder": str(each.folder)} for each in found]
        document = {"folder": str(find_cache_root()), "size": total, "kinds": rows}
        click.echo(format_json(document))
        return
    cells = [(c.kind, str(c.num_entries), format_bytes(c.size), KINDS[c.kind]) for c in found]
    print_columns([("kind", "entries", "size", "what"), *cells])
    click.echo(f"{format_bytes(total)} in {find_cache_root()}")


@cache.command(short_help="Remove what the cache holds.")
@_folder_argument()
@_kind_option("Clear")
@json_option()
def clear(folder: str | None, kinds: Sequence[str], as_json: bool) -> None:
    """Remove what the cache holds, but for entries that another process works on.

    Hashes of downloads stay noted, so that another content of the same address is noticed. Of a
    FOLDER of kept values all are removed, and nothing else that is there.
    """
    if folder is not None:
        _clear_values(folder, kinds, as_json=as_json)
        return
    from composer.cache_folders import clear_cache, find_cache_folder
    from composer.limits import format_bytes

    cleared = [clear_cache(kind) for kind in _choose(kinds)]
    if as_json:
        click.echo(format_json([each._asdict() for each in cleared]))
        return
    for each in cleared:
        entries = f"{each.num_entries} {'entry' if each.num_entries == 1 else 'entries'}"
        click.echo(f"{each.kind}: removed {entries}, {format_bytes(each.size)}")
        for name in each.in_use:
            click.echo(f"  in use, not removed: {find_cache_folder(each.kind) / name}", err=True)


def _show_values(folder: str, kinds: Sequence[str], *, as_json: bool) -> None:
    _refuse_kinds(kinds)
    from composer.limits import format_bytes
    from composer.value_cache import list_values, measure_values

    found, nodes = measure_values(folder), list_values(folder)
    if as_json:
        rows = [node._asdict() for node in nodes]
        document = {**found._asdict(), "folder": str(found.folder), "nodes": rows}
        click.echo(format_json(document))
        return
    cells = [(n.node, n.type, str(n.num_entries), format_bytes(n.size), n.used) for n in nodes]
    print_columns([("node", "type", "entries", "size", "last used"), *cells])
    click.echo(
        f"{count_things(found.num_entries, 'value')}, {format_bytes(found.size)} in {folder}"
    )


def _clear_values(folder: str, kinds: Sequence[str], *, as_json: bool) -> None:
    _refuse_kinds(kinds)
    from composer.limits import format_bytes
    from composer.value_cache import clear_values

    found = clear_values(folder)
    if as_json:
        click.echo(format_json({**found._asdict(), "folder": folder}))
        return
    click.echo(f"removed {count_things(found.num_entries, 'value')}, {format_bytes(found.size)}")


def _refuse_kinds(kinds: Sequence[str]) -> None:
    if kinds:
        raise click.UsageError(
            "--kind is of the cache of downloads and compiled parts, not of a FOLDER"
        )


def _choose(kinds: Sequence[str]) -> list[str]:
    return [kind for kind in KINDS if kind in kinds or not kinds]
