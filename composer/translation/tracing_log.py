"""Keeps torch's tracer from printing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_tracer_log() -> Iterator[None]:
    """Keeps the tracer from printing the whole program where an operation has no form in ONNX.

    torch (2.14) enables its log for every export, by mistake: it asks a function, uncalled.
    """
    core, name = torch._C, "_jit_set_onnx_log_enabled"
    enable = getattr(core, name, None)
    if enable is None:
        yield
        return
    setattr(core, name, lambda _is_enabled: None)
    try:
        yield
    finally:
        setattr(core, name, enable)
