"""Normalisations, which a lazy configuration names by a word, a class or a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.importing.lazy.calls import Call
from composer.importing.lazy.elements import PythonCall, PythonName

_WORDS = ("", "BN", "SyncBN", "FrozenBN", "GN", "LN")
# The same up to who computes it.
_SAME: Mapping[str, str] = {
    "nnSyncBN": "SyncBN",
    "naiveSyncBN": "SyncBN",
    "naiveSyncBN_N": "SyncBN",
}
_CLASSES: Mapping[str, str] = {
    "BatchNorm2d": "BN",
    "SyncBatchNorm": "SyncBN",
    "NaiveSyncBatchNorm": "SyncBN",
    "FrozenBatchNorm2d": "FrozenBN",
    "detectron2.layers.LayerNorm": "LN",
    "detectron2.layers.batch_norm.LayerNorm": "LN",
}
_LAYER_NORM = ("torch.nn.LayerNorm", "torch.nn.modules.normalization.LayerNorm")
_LAYER_NORM_EPS = 1e-5


def read_norm(call: Call, argument: str) -> str:
    """The name of a normalisation as a spec has it; notes one that cannot be expressed."""
    value = call.take(argument)
    if value is None:
        return ""
    if isinstance(value, str):
        value = _SAME.get(value, value)
        if value not in _WORDS:
            wanted = " or ".join(repr(one) for one in (*_WORDS, *_SAME))
            call.refuse(argument, f"only {wanted} can be expressed")
        return value if value in _WORDS else ""
    name = _name_of(value)
    if name.endswith("<lambda>"):
        call.config.assume(
            call.key_of(argument),
            "a function without a name, taken for SyncBN, which it is in detectron2's own files",
        )
        return "SyncBN"
    found = _CLASSES.get(name) or _CLASSES.get(name.rpartition(".")[2])
    if found is None or not name.startswith(("torch.nn.", "detectron2.layers.")):
        call.refuse(argument, "this normalisation cannot be expressed")
        return ""
    return found


def read_layer_norm_eps(call: Call, argument: str = "norm_layer") -> float | None:
    """The epsilon of a transformer's layer normalisation; None, and a note, for another one."""
    value = call.take(argument)
    eps: Any = _LAYER_NORM_EPS
    if isinstance(value, PythonCall) and _is_only_eps(value):
        eps = value.keywords["eps"].plain() if value.keywords else eps
    if _name_of(value) not in _LAYER_NORM or not isinstance(eps, float):
        call.refuse(argument, "only torch's LayerNorm can be expressed, with an eps")
        return None
    return eps


def _is_only_eps(call: PythonCall) -> bool:
    return len(call.positional) == 1 and set(call.keywords) <= {"eps"}


def _name_of(value: Any) -> str:
    """What is called in the end: a partial's function stands first among its arguments."""
    if isinstance(value, PythonName):
        return value.name
    if isinstance(value, PythonCall) and value.name == "functools.partial" and value.positional:
        return _name_of(value.positional[0].value)
    return ""
