"""Plugins that print where only results belong, or would end the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

from composer.escapes import describe_error

_LOCK = Lock()  # held for an exchange, never while a plugin runs
_replaced: list[TextIO] = []  # the standard output once for each import that goes on


@contextmanager
def printing_to_stderr(module: str) -> Iterator[None]:
    """Sends what a module prints when it is first imported to the standard error.

    Standard output may be one JSON document. Imports of several threads may overlap, and one may
    wait for another: the standard output returns after the last of them.

    Args:
        module: a dotted name.
    """
    if module in sys.modules:
        yield
        return
    with _LOCK:
        _replaced.append(_replaced[0] if _replaced else sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _LOCK:
            stdout = _replaced.pop()
            if not _replaced:
                sys.stdout = stdout


@contextmanager
def surviving_exits() -> Iterator[None]:
    """Makes an ordinary error of one that would end the process, such as `sys.exit`.

    Raises:
        RuntimeError: the body of the `with` raised such an error.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise RuntimeError(describe_error(error)) from error
