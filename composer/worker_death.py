"""Data workers that end while they are needed: killed for their memory, mostly.

torch notes the end of a worker by a signal and raises an error wherever the main process happens to
be: between batches, or in the middle of a node, which has nothing to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from composer.errors import DataError

# torch/utils/data/_utils/signal_handling and torch/csrc/DataLoader.cpp.
_MESSAGE = re.compile(r"DataLoader worker \(pid\(?s?\)? ?[\d, ]+\) (.*)", re.DOTALL)


def is_worker_death(error: BaseException) -> bool:
    """Whether an error is torch's report of a data worker that ended."""
    return isinstance(error, RuntimeError) and _MESSAGE.match(str(error)) is not None


@contextmanager
def reporting_worker_death() -> Iterator[None]:
    """Describes the end of a data worker in the `with` block in one line.

    Raises:
        DataError: a data worker ended.
    """
    try:
        yield
    except RuntimeError as error:
        found = _MESSAGE.match(str(error))
        if found is None:
            raise
        reason = (
            found[1]
            .partition("\n")[0]
            .rstrip(". ")
            .replace("is killed by signal:", "was killed by signal")
        )
        raise DataError(
            f"a data worker process {reason}. Was the memory full? Fewer workers need less of it "
            "(num_workers)."
        ) from error
