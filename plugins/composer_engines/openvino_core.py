"""The core of OpenVINO, which compiles models: one a process, which stays until the process ends.

A core (2026.4) gives the thread that makes it a stack for signal handlers, and unmaps that stack
when the last model of the core is freed, whichever thread frees it, and in whatever order cores go.
The next signal for which Python has a handler, such as Ctrl-C or the end of a data worker, then
ends the process by a segmentation fault.
"""

from functools import cache
from typing import Any

from composer.telemetry import without_telemetry


@cache
def find_core() -> Any:
    """The core, which is made at the first call.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    with without_telemetry():
        import openvino

        return openvino.Core()
