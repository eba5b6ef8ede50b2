"""Plugins that print where only results belong, or would end the process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from composer.escapes import describe_error

_LOCK = threading.RLock()  # of the standard output, which all threads share


@contextmanager
def printing_to_stderr(module: str) -> Iterator[None]:
    """Sends what a module prints when it is first imported to the standard error.

    Standard output may be one JSON document.

    Args:
        module: a dotted name.
    """
    if module in sys.modules:
        yield
        return
    with _LOCK, redirect_stdout(sys.stderr):
        yield


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
