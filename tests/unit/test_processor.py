"""The processor's instruction sets, and the limits that variables put on them."""

import pytest

from composer import processor
from composer.processor import find_processor

INTEL = """processor : 0
model name : Some Xeon
flags : fpu avx2 fma avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16 amx_tile amx_bf16
"""
OLD = "model name : Old\nflags : fpu sse4_2 avx2 fma\n"
ARM = "processor : 0\nFeatures : fp asimd bf16\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes the machine have another processor."""
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)

    def use(text):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(processor.sys, "platform", "linux")
        processor._read_processor.cache_clear()

    yield use
    processor._read_processor.cache_clear()


@pytest.mark.parametrize(
    ("text", "best", "has_bfloat16"),
    [(INTEL, "amx", True), (OLD, "avx2", False), (ARM, "neon_bf16", True), ("", "", False)],
)
def test_the_strongest_instruction_set_is_named(text, best, has_bfloat16, machine):
    machine(text)
    found = find_processor()
    assert (found.best, found.has_bfloat16) == (best, has_bfloat16)
    assert found.present == found.allowed
    assert found.num_cores >= 1


@pytest.mark.parametrize(
    ("variables", "best"),
    [
        ({"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}, "avx2"),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core"}, "avx512"),
        ({"DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16"}, "avx512_bf16"),
        ({"ATEN_CPU_CAPABILITY": "default"}, ""),
        ({"ONEDNN_MAX_CPU_ISA": "ALL"}, "amx"),
        ({"ATEN_CPU_CAPABILITY": "nonsense"}, "amx"),
    ],
)
def test_variables_make_a_newer_processor_an_older_one(variables, best, machine, monkeypatch):
    machine(INTEL)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = find_processor()
    assert found.best == best
    assert found.has_bfloat16 == (best in ("avx512_bf16", "amx"))
    assert found.present[-1] == "amx"
    assert str(found).startswith("Some Xeon, ")
    assert (str(found) != "Some Xeon, amx") == (best != "amx")


def test_a_system_without_the_file_has_a_name(machine, monkeypatch, tmp_path):
    machine(INTEL)
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "nowhere")
    processor._read_processor.cache_clear()
    assert find_processor().name
    assert find_processor().present == ()
