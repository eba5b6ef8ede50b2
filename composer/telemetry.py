"""Keeps OpenVINO's libraries from reporting to their maker.

OpenVINO's converter and NNCF call `openvino-telemetry`, which sends events unless a file in the
user's home says otherwise. Both do without it where it is not installed. So it is hidden from them
while they are imported and called; where somebody else imported it before, its sender does nothing
meanwhile. Files of the user stay as they are.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import RLock
from typing import Any

_NAME = "openvino_telemetry"
_LOCK = RLock()


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Makes sure that nothing is sent in the body of the `with` statement."""
    with _LOCK:
        if sys.modules.get(_NAME) is not None:
            with _mute_sender():
                yield
            return
        was_hidden = _NAME in sys.modules
        sys.modules[_NAME] = None  # type: ignore[assignment]  # an import of it fails
        try:
            yield
        finally:
            if not was_hidden:
                sys.modules.pop(_NAME, None)


@contextmanager
def _mute_sender() -> Iterator[None]:
    sender: Any = import_module(f"{_NAME}.utils.sender").TelemetrySender
    before = sender.send
    sender.send = _send_nothing
    try:
        yield
    finally:
        sender.send = before


def _send_nothing(*_: object) -> None:
    return None
