"""The processor: its name, and the instruction sets that computations may use."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

_CPUINFO = Path("/proc/cpuinfo")
# What a processor has to have for a name of ours, the weakest first.
_NEEDED = {
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "avx512_vnni": {"avx512_vnni"},
    "avx512_bf16": {"avx512_bf16"},
    "amx": {"amx_tile", "amx_bf16"},
    "neon": {"asimd"},
    "neon_bf16": {"asimd", "bf16"},
}
_BFLOAT16 = ("avx512_bf16", "amx", "neon_bf16")
_X86 = tuple(name for name in _NEEDED if not name.startswith("neon"))
# The instruction sets that torch's own kernels are limited to (ATEN_CPU_CAPABILITY), and oneDNN.
_ATEN = {"default": (), "avx2": _X86[:1]}
_ONEDNN = {
    **dict.fromkeys(("SSE41", "AVX"), ()),
    **dict.fromkeys(("AVX2", "AVX2_VNNI", "AVX2_VNNI_2"), _X86[:1]),
    "AVX512_CORE": _X86[:2],
    "AVX512_CORE_VNNI": _X86[:3],
    **dict.fromkeys(("AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX10_1_512"), _X86[:4]),
}


class Processor(NamedTuple):
    """A processor.

    Attributes:
        name: its name: `AMD EPYC`.
        present: the instruction sets that it has, of those that matter here: `avx2`, `avx512`,
            `avx512_vnni`, `avx512_bf16`, `amx`, `neon`, `neon_bf16`.
        allowed: those of them that `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` let torch use.
        num_cores: the cores that this process may use.
    """

    name: str
    present: tuple[str, ...]
    allowed: tuple[str, ...]
    num_cores: int

    @property
    def best(self) -> str:
        """The strongest instruction set that may be used; empty if none of them."""
        return self.allowed[-1] if self.allowed else ""

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies bfloat16 itself; others emulate it, more slowly than float32."""
        return any(name in _BFLOAT16 for name in self.allowed)

    def __str__(self) -> str:
        left_out = [name for name in self.present if name not in self.allowed]
        shown = f"{self.name}, {self.best or 'no vector instructions'}"
        return f"{shown} (of {left_out[-1]})" if left_out else shown


def find_processor() -> Processor:
    """The processor of this machine, as far as torch is allowed to use it. Torch is not imported.

    `ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` makes a newer one work like an older one.
    """
    name, flags = _read_processor()
    present = tuple(each for each, needed in _NEEDED.items() if needed <= flags)
    allowed = tuple(each for each in present if each.startswith("neon") or _is_allowed(each))
    return Processor(name, present, allowed, _count_cores())


def _is_allowed(name: str) -> bool:
    aten = os.environ.get("ATEN_CPU_CAPABILITY", "").lower()
    onednn = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    return name in _ATEN.get(aten, _X86) and name in _ONEDNN.get(onednn.upper(), _X86)


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _read_processor() -> tuple[str, frozenset[str]]:
    """The name and the flags, as the system reports them; no flags where it reports none."""
    if sys.platform == "darwin":
        return _ask_sysctl("machdep.cpu.brand_string") or "processor", _read_mac_flags()
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine() or "processor", frozenset()
    found: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip().lower(), value.strip())
    flags = found.get("flags") or found.get("features") or ""
    return found.get("model name") or platform.machine() or "processor", frozenset(flags.split())


def _read_mac_flags() -> frozenset[str]:
    if platform.machine() == "arm64":
        has_bfloat16 = _ask_sysctl("hw.optional.arm.FEAT_BF16") == "1"
        return frozenset({"asimd", "bf16"} if has_bfloat16 else {"asimd"})
    features = _ask_sysctl("machdep.cpu.features") + " " + _ask_sysctl("machdep.cpu.leaf7_features")
    return frozenset(features.lower().split())


def _ask_sysctl(name: str) -> str:
    command = ["/usr/sbin/sysctl", "-n", name]
    try:
        done = subprocess.run(  # noqa: S603 - of the system, with names of ours
            command, capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
