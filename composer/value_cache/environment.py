"""What every value depends on beside its node: versions, the processor, and settings of torch."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from functools import cache
from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from composer.processor import find_processor

_FORM = 1  # of keys and entries
_LIBRARIES = (
    "detection-composer",
    "torchvision",
    "numpy",
    "scipy",
    "pillow",
    "pycocotools",
    "numba",
)
_VARIABLES = ("ONEDNN_", "DNNL_", "MKL_", "ATEN_", "CUBLAS_", "NVIDIA_TF32", "TORCH_ALLOW_TF32")


def describe_environment() -> tuple[str, ...]:
    """Texts that are equal where equal nodes give equal values, bit for bit."""
    processor = find_processor()
    backends = torch.backends
    return (
        f"form {_FORM}",
        *_list_versions(),
        f"default device {torch.get_default_device()}",
        f"{processor.name} {' '.join(processor.allowed)} {backends.cpu.get_cpu_capability()}",
        f"threads {torch.get_num_threads()} {torch.get_num_interop_threads()}",
        f"{torch.get_default_dtype()} {torch.get_float32_matmul_precision()}",
        f"mkldnn {backends.mkldnn.enabled} deterministic "
        f"{torch.are_deterministic_algorithms_enabled()} flush {_is_flushing()}",
        f"cudnn {backends.cudnn.enabled} {backends.cudnn.benchmark} "
        f"{backends.cudnn.deterministic} {backends.cudnn.allow_tf32}",
        *_describe_autocast(),
        *_describe_switches(),
        *_describe_variables(),
    )


def describe_device(device: str) -> str:
    """A device, with the kind of accelerator that it is."""
    if device.startswith("cuda"):
        return f"{device} {torch.cuda.get_device_name(device)}"
    return device


def _describe_switches() -> list[str]:
    """What chooses between ways of computing the same."""
    cuda: Any = torch.backends.cuda
    mkldnn, einsum = torch.backends.mkldnn, torch.backends.opt_einsum
    attention = [
        cuda.flash_sdp_enabled(),
        cuda.mem_efficient_sdp_enabled(),
        cuda.math_sdp_enabled(),
        cuda.cudnn_sdp_enabled(),
    ]
    matmul = [
        getattr(torch._C, f"_get_cublas_allow_{kind}_reduced_precision_reduction")()
        for kind in ("fp16", "bf16")
    ]
    of_mkldnn = [getattr(mkldnn, n, "") for n in ("deterministic", "allow_tf32", "fp32_precision")]
    return [
        f"attention {attention} {torch.backends.mha.get_fastpath_enabled()}",
        f"einsum {einsum.enabled} {einsum.strategy}",
        f"matmul {matmul} mkldnn {of_mkldnn} nnpack {torch._C._get_nnpack_enabled()}",
    ]


def _describe_variables() -> list[str]:
    """Variables of the process that libraries read."""
    found = ((name, value) for name, value in os.environ.items() if name.startswith(_VARIABLES))
    return [f"{name}={value}" for name, value in sorted(found) if not name.endswith("VERBOSE")]


def find_watching() -> str:
    """What may change all values without a trace in the graph; empty if nothing does."""
    modules = torch.nn.modules.module
    if modules._global_forward_hooks or modules._global_forward_pre_hooks:
        return "hooks of all modules are there"
    list_modes: Any = _get_current_function_mode_stack
    others = [mode for mode in list_modes() if type(mode) is not DeviceContext]
    if others or torch._C._len_torch_dispatch_stack():
        return "a mode of torch changes what operators do"
    return ""


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
