"""The options of commands that keep the values of nodes on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from composer.cli.output import count_things

if TYPE_CHECKING:
    from composer.graph import Graph
    from composer.value_cache import ValueCache

_SHOWN = 3  # nodes in a list


class KeptValues(NamedTuple):
    """Where a command keeps values.

    Attributes:
        folder: the folder; None if they are not kept.
        limit: its largest size in bytes; None for the default.
    """

    folder: str | None
    limit: int | None

    def open(self) -> ValueCache | None:
        """The cache; None if values are not kept.

        Raises:
            UsageError: there is a limit of none.
            InputError: it is no folder, or one that others use.
        """
        if self.folder is None:
            if self.limit is not None:
                raise click.UsageError("--cache-limit goes with --cache FOLDER")
            return None
        from composer.value_cache import DEFAULT_LIMIT, ValueCache

        return ValueCache(self.folder, self.limit or DEFAULT_LIMIT)


def keeping(graph: Graph, cache: ValueCache | None) -> AbstractContextManager[Any]:
    """Keeps the values of a graph's runs, if there is a cache, while the `with` block runs."""
    return nullcontext() if cache is None else graph.keeping(cache)


def describe_use(cache: ValueCache, graph: Graph) -> list[str]:
    """Lines about the values that a command found and kept, and about nodes that are not kept."""
    from composer.limits import format_bytes

    use, unkept = cache.use, graph.unkept
    lines = [
        f"cache {cache.folder}: found {use.num_read} ({format_bytes(use.bytes_read)}), "
        f"kept {use.num_written} ({format_bytes(use.bytes_written)})"
    ]
    lines += [f"not kept, nor what is below: {p}: {unkept[p]}" for p in list(unkept)[:_SHOWN]]
    if len(unkept) > _SHOWN:
        lines.append(f"nor {count_things(len(unkept) - _SHOWN, 'other node')}")
    return lines


def cache_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --cache and --cache-limit, which the command gets as one `kept`."""

    @click.option(
        "--cache",
        "cache_folder",
        metavar="FOLDER",
        help="Keep values of nodes in this folder, and find them there in later runs.",
    )
    @click.option(
        "--cache-limit",
        callback=_parse_size,
        metavar="SIZE",
        help="Largest size of that folder, such as 20G.  [default: 10G]",
    )
    @wraps(command)
    def with_cache(
        *arguments: Any, cache_folder: str | None, cache_limit: int | None, **named: Any
    ) -> Any:
        return command(*arguments, kept=KeptValues(cache_folder, cache_limit), **named)

    return with_cache


def _parse_size(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    from composer.limits import parse_bytes

    found = None if text is None else parse_bytes(text)
    if text is not None and not found:
        raise click.BadParameter(f"'{text}' is no size, such as 500M or 20G")
    return found
