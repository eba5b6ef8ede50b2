"""The command `composer`: its group of commands, and what becomes of errors."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import click

from composer.cli.allocation import keep_freed_memory
from composer.cli.benchmark import benchmark
from composer.cli.cache import cache
from composer.cli.check import check
from composer.cli.clash import find_clash
from composer.cli.data import data
from composer.cli.describe import describe
from composer.cli.diff import diff
from composer.cli.eval import eval_command
from composer.cli.explain import explain
from composer.cli.export import export
from composer.cli.extract import extract
from composer.cli.import_ import import_config
from composer.cli.models import models
from composer.cli.nodes import nodes
from composer.cli.notes import printing_notes_once
from composer.cli.predict import predict
from composer.cli.printed_text import printing_plainly
from composer.cli.run import run
from composer.cli.schema import schema
from composer.cli.show import show
from composer.cli.specs import specs
from composer.cli.train import train
from composer.cli.tune import tune
from composer.discovery import DISTRIBUTION, find_version
from composer.errors import CheckpointMismatchError, ComposerError, SpecError
from composer.escapes import shorten_words

MISTAKE, INTERRUPTED = 1, 130


class CommandGroup(click.Group):
    """Commands whose users' mistakes end in a message, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except (ComposerError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            if ctx.params["debug"]:
                traceback.print_exception(error)
            # The problems of a spec begin with their places, as compilers and editors have it.
            begin = "" if isinstance(error, SpecError) else "error: "
            click.echo(f"{begin}{_describe(error, self._list_options(ctx))}", err=True)
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            ctx.exit(getattr(command, "mistake_code", MISTAKE))

    def _list_options(self, ctx: click.Context) -> dict[str, str]:
        """The options of the command that runs: name of the argument -> as it is written."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        params = () if command is None else command.params
        return {p.name: p.opts[0] for p in params if isinstance(p, click.Option) and p.name}


def _describe(error: Exception, options: Mapping[str, str]) -> str:
    if isinstance(error, CheckpointMismatchError):
        return error.describe(options)
    if isinstance(error, OSError) and error.filename and error.strerror:
        return shorten_words(f"{error.filename}: {error.strerror}")
    return str(error)


@click.group(
    cls=CommandGroup,
    commands=[
        run,
        check,
        show,
        nodes,
        specs,
        models,
        describe,
        schema,
        import_config,
        train,
        eval_command,
        tune,
        predict,
        explain,
        extract,
        export,
        data,
        benchmark,
        diff,
        cache,
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(find_version() or "unknown", message=f"{DISTRIBUTION} %(version)s")
@click.option(
    "--debug", is_flag=True, envvar="COMPOSER_DEBUG", help="Show the traceback of errors, too."
)
def composer(debug: bool) -> None:
    """Detection models as graphs of named nodes, run whole or in part.

    A SPEC is a YAML file, or the name of one that ships or a plugin publishes (`composer specs`).
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: what follows the name of the program; that of this process by default.

    Returns:
        The exit code: 0, 1 for a user's mistake (of `diff` 2), 2 for a wrong use of the command
        line, 130 when interrupted.
    """
    if arguments is None:
        # The process ends with it. Python would go through all of torch's objects, several times,
        # in search of unreachable ones: a third of a second.
        atexit.register(gc.freeze)
        keep_freed_memory()
    with printing_plainly(), printing_notes_once():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    # Pillow warns of very large images; ours are limited by `composer.limits`.
    warnings.filterwarnings("ignore", "Image size .* could be decompression bomb")
    if clash := find_clash():
        click.echo(f"warning: {clash}", err=True)
    try:
        result = composer.main(arguments, prog_name="composer", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        click.echo(shorten_words(message.getvalue()), err=True, nl=False)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return _end_quietly()
    except SystemExit as stop:  # click's own way with a pipe that nobody reads any more
        return _end_quietly() if stop.code == 1 else int(stop.code or 0)
    return result if isinstance(result, int) else 0


def _end_quietly() -> int:
    """Drops what is still to be written: whoever read the output has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
