"""Notes on names and settings, each printed once a command, however often a document is read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_LOGGERS = (
    "composer.acceleration.engines",
    "composer.catalogues.finding",
    "composer.catalogues.published",
    "composer.checkpoint.checkpoint_keys",
    "composer.checkpoint.formats",
    "composer.language.loading",
    "composer.documents",
    "composer.data",
    "composer.data.formats.recognising",
    "composer.model_source",
)
_NOTE = "note: "
_COMMAND_LINE = re.compile(r"^note: command line [\w.]+: ")  # an argument is read in several places


class _Once(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Passes on everything but notes that were passed on before."""
        text = _COMMAND_LINE.sub(_NOTE, record.getMessage())
        is_new = not text.startswith(_NOTE) or text not in self._seen
        self._seen.add(text)
        return is_new


@contextmanager
def printing_notes_once() -> Iterator[None]:
    """Keeps a note from being logged twice while the `with` block runs."""
    once = _Once()
    with ExitStack() as stack:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(once)
            stack.callback(logger.removeFilter, once)
        yield
