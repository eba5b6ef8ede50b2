"""What every value depends on beside its node: versions, the processor, and settings of torch."""

from __future__ import annotations

import importlib.metadata
import sys
from functools import cache

import torch

from composer.processor import find_processor

_FORM = 1  # of keys and entries
_LIBRARIES = ("detection-composer", "torchvision", "numpy", "scipy", "pillow")


def describe_environment() -> tuple[str, ...]:
    """Texts that are equal where equal nodes give equal values, bit for bit."""
    processor = find_processor()
    backends = torch.backends
    return (
        f"form {_FORM}",
        *_list_versions(),
        f"{processor.name} {' '.join(processor.allowed)} {backends.cpu.get_cpu_capability()}",
        f"threads {torch.get_num_threads()} {torch.get_num_interop_threads()}",
        f"{torch.get_default_dtype()} {torch.get_float32_matmul_precision()}",
        f"mkldnn {backends.mkldnn.enabled} deterministic "
        f"{torch.are_deterministic_algorithms_enabled()} flush {_is_flushing()}",
        f"cudnn {backends.cudnn.enabled} {backends.cudnn.benchmark} "
        f"{backends.cudnn.deterministic} {backends.cudnn.allow_tf32}",
        *_describe_autocast(),
    )


@cache
def _list_versions() -> tuple[str, ...]:
    return (
        f"torch {torch.__version__} {torch.version.cuda} {torch.version.git_version}",
        f"Python {'.'.join(map(str, sys.version_info[:3]))} {sys.platform} {sys.byteorder}",
        *(f"{name} {_find_version(name)}" for name in _LIBRARIES),
    )


def _find_version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _is_flushing() -> bool:
    """Whether numbers too small for their exponent become zero."""
    return bool((torch.tensor(1e-39) * 1.0 == 0).item())


def _describe_autocast() -> list[str]:
    return [
        f"autocast {kind} {torch.get_autocast_dtype(kind)}"
        for kind in ("cpu", "cuda")
        if torch.is_autocast_enabled(kind)
    ]
