"""`composer models fetch`, `list`, `rm` and `where`: the cache of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.options import json_option, offline_option
from composer.cli.output import format_json, print_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.downloads import CachedFile

_SHOWN = 12  # digits of a hash


@click.command(short_help="Fetch the weights of models into the cache.")
@click.argument("names", nargs=-1, required=True, metavar="NAME|ADDRESS...")
@click.option("--again", is_flag=True, help="Fetch them although they are in the cache.")
@offline_option()
def fetch(names: Sequence[str], again: bool) -> None:
    """Fetch weights into the cache, and print where they are.

    NAME is a published model, or a spec that has published weights; ADDRESS is that of any file.
    """
    from composer.downloads import fetch as fetch_file

    for address in [_find_address(name) for name in names]:
        click.echo(fetch_file(address, again=again))


@click.command("list", short_help="List the files in the cache.")
@json_option()
def list_(as_json: bool) -> None:
    """List the files in the cache: address, size, when they came, and sha256."""
    from dataclasses import asdict

    from composer.cache_folders import find_cache_folder
    from composer.downloads import KIND, list_cached
    from composer.limits import format_bytes

    found = list_cached()
    if as_json:
        rows = [{**asdict(each.record), "file": str(each.path)} for each in found]
        click.echo(format_json(rows))
        return
    if not found:
        click.echo(f"the cache is empty: {find_cache_folder(KIND)}")
        return
    head = ("size", "date", "sha256", "address")
    rows_ = [
        (
            format_bytes(each.record.size),
            each.record.date.partition("T")[0],
            each.record.sha256[:_SHOWN],
            each.record.address,
        )
        for each in found
    ]
    print_columns([head, *rows_])
    total = sum(each.record.size for each in found)
    click.echo(f"{format_bytes(total)} in {find_cache_folder(KIND)}")


@click.command(short_help="Remove files from the cache.")
@click.argument("names", nargs=-1, metavar="NAME|ADDRESS|FILE...")
@click.option("--all", "is_all", is_flag=True, help="Remove all of them.")
def rm(names: Sequence[str], is_all: bool) -> None:
    """Remove files from the cache, by the name of a model, an address, or the file.

    Their hashes stay noted, so that another content under the same address is told.
    """
    from composer.downloads import list_cached, remove_cached

    if bool(names) == is_all:
        raise click.UsageError("name what to remove, or give --all")
    cached = list_cached()
    chosen = cached if is_all else [_find_cached(name, cached) for name in names]
    for each in chosen:
        remove_cached(each)
        click.echo(f"removed {each.path}")


@click.command(short_help="Print where the cache, or a file in it, is.")
@click.argument("names", nargs=-1, metavar="[NAME|ADDRESS]...")
def where(names: Sequence[str]) -> None:
    """Print the folder of the cache; with NAME or ADDRESS, where its file is, or belongs.

    A file that is put there by hand is used.
    """
    from composer.cache_folders import find_cache_folder
    from composer.downloads import KIND, locate_cached

    if not names:
        click.echo(find_cache_folder(KIND))
    for name in names:
        click.echo(locate_cached(_find_address(name)))


def _find_address(name: str) -> str:
    """The address of an address, of a published model, or of the default weights of a spec.

    Raises:
        NameResolutionError: it is none of them.
    """
    from composer.catalogues import find_default, find_entry, require_entry
    from composer.discovery import find_published
    from composer.downloads import is_address

    if is_address(name):
        return name
    if find_entry(name) is None and find_published(name) is not None:
        return find_default(name).weights
    return require_entry(name).weights


def _find_cached(name: str, cached: Sequence[CachedFile]) -> CachedFile:
    """The file in the cache that a name means.

    Raises:
        NameResolutionError: there is none.
    """
    from composer.downloads import locate_cached
    from composer.errors import NameResolutionError

    for each in cached:
        if name in (each.record.address, str(each.path)):
            return each
    path = locate_cached(_find_address(name))
    for each in cached:
        if each.path == path:
            return each
    raise NameResolutionError(f"'{name}' is not in the cache: `composer models list` lists it")
