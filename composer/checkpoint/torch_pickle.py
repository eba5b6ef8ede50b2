"""The vocabulary of pickles in files of torch, and the tensors that it makes.

torch's own reader trusts sizes, hashes keys of any depth, and reads the file once more by itself.
So tensors are built here, from the storages that the file is known to have: a tensor is a view of
the bytes of a storage, and neither its shape nor its strides can reach beyond them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from composer.checkpoint.numpy_pickle import NUMPY_VOCABULARY, as_text
from composer.checkpoint.placeholders import Placeholder, get_inner
from composer.checkpoint.unpickler import Named, Vocabulary, as_inert_key

MAX_DIMENSIONS = 64  # of torch and numpy
_MOST_BYTES = 2**62
_STORAGES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
    "UntypedStorage": torch.uint8,
}
_NUMBERS = re.compile(
    r"bool|u?int(8|16|32|64)|b?float(16|32|64)|float8_\w+|complex(32|64|128)"
    r"|half|float|double|short|int|long|c(half|float|double)"
)
_DTYPES = {
    f"torch.{name}": value
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype) and _NUMBERS.fullmatch(name)
}
_OTHER_TENSORS = {
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_sparse_csr_tensor": "a sparse tensor",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_qtensor": "a quantized tensor",
    "_rebuild_meta_tensor_no_storage": "a tensor on the meta device, which has no data",
    "_rebuild_wrapper_subclass": "a tensor of another class",
    "_rebuild_device_tensor_from_numpy": "a tensor of another device",
    "_rebuild_device_tensor_from_cpu_tensor": "a tensor of another device",
}
_REFUSED = {
    **{f"torch._utils.{name}": what for name, what in _OTHER_TENSORS.items()},
    **{
        f"{module}.{name}Storage": "a quantized tensor"
        for module in ("torch", "torch.storage")
        for name in ("QInt8", "QInt32", "QUInt8", "QUInt4x2", "QUInt2x4")
    },
}

# The bytes of a storage by its key, at least as many as are claimed, as a tensor of uint8. Raises
# `ValueError` if there are fewer.
FindStorage = Callable[[str, int, torch.dtype], Tensor]


@dataclass(frozen=True)
class Storage:
    """A storage that a pickle refers to.

    Attributes:
        data: its bytes.
        dtype: the type of its items.
        first: the first item that tensors may use.
        num_bytes: bytes from its begin on that tensors may use.
    """

    data: Tensor
    dtype: torch.dtype
    first: int
    num_bytes: int


def make_torch_vocabulary(
    find_storage: FindStorage, *, has_placeholders: bool = False
) -> Vocabulary:
    """The vocabulary of a file.

    Args:
        find_storage: gives the file's storages.
        has_placeholders: whether the file may hold other objects, which are not read.
    """

    def find(identifier: object) -> Storage | Named:
        if has_placeholders and (named := _find_module_class(identifier)) is not None:
            return named
        return _find(identifier, find_storage)

    builders: dict[str, Callable[..., Tensor]] = {
        "torch._utils._rebuild_tensor": _build_tensor,
        "torch._utils._rebuild_tensor_v2": _build_tensor,
        "torch._utils._rebuild_tensor_v3": _build_tensor_of_dtype,
        "torch._utils._rebuild_parameter": _build_parameter,
        "torch._utils._rebuild_parameter_with_state": _build_parameter,
    }

    def build_with_attributes(function: Any, _: object, arguments: Any, __: object) -> Tensor:
        return builders[function.name](*arguments)

    return Vocabulary(
        holds="tensors, numpy arrays of numbers and plain containers",
        functions={
            **NUMPY_VOCABULARY.functions,
            **(_OBJECTS if has_placeholders else {}),
            **builders,
            "collections.Counter": _make_counter,
            "builtins.complex": complex,
            "__builtin__.complex": complex,
            "torch.Size": _make_size,
            "torch.device": _make_device,
            "torch.Tensor": None,
            "torch.nn.parameter.Parameter": None,
            "torch._tensor._rebuild_from_type_v2": build_with_attributes,
            **{
                f"{module}.{name}": None
                for module in ("torch", "torch.cuda", "torch.storage")
                for name in _STORAGES
            },
        },
        constants=_DTYPES,
        refused=_REFUSED,
        restore=_restore if has_placeholders else NUMPY_VOCABULARY.restore,
        persistent=find,
        has_placeholders=has_placeholders,
    )


def _find(identifier: object, find_storage: FindStorage) -> Storage:
    if not isinstance(identifier, tuple) or as_text(identifier[0]) != "storage":
        raise TypeError("a stored object that is no tensor storage")
    kind, key, _, count, *view = identifier[1:]
    if not isinstance(kind, Named) or kind.is_unknown or type(count) is not int or count < 0:
        raise TypeError("a malformed tensor storage")
    dtype = _STORAGES[kind.name.rpartition(".")[2]]
    num_bytes = count * dtype.itemsize
    storage = Storage(find_storage(as_text(key), num_bytes, dtype), dtype, 0, num_bytes)
    if view and view[0] is not None:
        return _view(storage, *view[0])
    return storage


def _find_module_class(identifier: object) -> Named | None:
    """The class of a module, which old files store with its source."""
    if not isinstance(identifier, tuple) or len(identifier) != 4 or identifier[0] != "module":
        return None
    named = identifier[1]
    return named if isinstance(named, Named) and named.is_unknown else None


def _view(storage: Storage, _: object, offset: object, count: object) -> Storage:
    """A part of a storage, as torch saved it before 0.4."""
    if not _are_sizes(offset, count):
        raise TypeError("a malformed view of a tensor storage")
    end = (offset + count) * storage.dtype.itemsize  # type: ignore[operator]
    if end > storage.num_bytes:
        raise ValueError(f"a view that ends at byte {end} of {storage.num_bytes}")
    return Storage(storage.data, storage.dtype, offset, end)  # type: ignore[arg-type]


def _are_sizes(*values: object) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _build_tensor(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    requires_grad: object = False,
    _: object = None,
    bits: object = None,
) -> Tensor:
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return _view_as(storage, storage.dtype, offset, shape, stride, requires_grad, bits)


def _build_tensor_of_dtype(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    requires_grad: object,
    _: object,
    dtype: object,
    bits: object = None,
) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise TypeError("a tensor without a storage or a dtype")
    return _view_as(storage, dtype, offset, shape, stride, requires_grad, bits)


def _view_as(
    storage: Storage,
    dtype: torch.dtype,
    offset: Any,
    shape: Any,
    stride: Any,
    requires_grad: object,
    bits: object,
) -> Tensor:
    _check_extent(storage, dtype, offset, shape, stride)
    tensor = torch.empty(0, dtype=dtype)
    tensor.set_(storage.data.untyped_storage(), storage.first + offset, shape, stride)
    for name, is_set in bits.items() if isinstance(bits, dict) else ():
        if name not in ("conj", "neg") or type(is_set) is not bool:
            raise TypeError(f"a tensor with the property '{name!s:.40}'")
        if is_set:  # stored as the values of which it is the conjugate or the negative
            tensor = tensor.conj() if name == "conj" else torch._neg_view(tensor)
    if requires_grad is True and (dtype.is_floating_point or dtype.is_complex):
        tensor = tensor.detach().requires_grad_()
    return tensor


def _check_extent(
    storage: Storage, dtype: torch.dtype, offset: object, shape: object, stride: object
) -> None:
    if not isinstance(shape, tuple) or not isinstance(stride, tuple) or not isinstance(offset, int):
        raise TypeError("a malformed tensor")
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"a tensor of {len(shape)} dimensions, and {MAX_DIMENSIONS} is the limit")
    if len(shape) != len(stride) or not _are_sizes(offset, *shape, *stride):
        raise TypeError("a malformed tensor")
    last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
    needed = (storage.first + last + 1) * dtype.itemsize if 0 not in shape else 0
    if needed > storage.num_bytes:
        raise ValueError(
            f"a tensor of shape {shape!s:.80} reaches to byte {needed!s:.30} of a storage of "
            f"{storage.num_bytes}"
        )
    # Also of an empty one: torch multiplies the sides.
    if max(offset, *stride, math.prod(max(side, 1) for side in shape)) >= _MOST_BYTES // 16:
        raise ValueError(f"a tensor of shape {shape!s:.80}, larger than any memory")


def _build_parameter(data: object, *_: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise TypeError("a parameter without data")
    return data.detach()


def _make_size(sides: object = ()) -> torch.Size:
    if not isinstance(sides, (tuple, list)) or not _are_sizes(*sides):
        raise TypeError("a malformed size")
    return torch.Size(sides)


def _make_device(name: object, index: object = None) -> torch.device:
    text = as_text(name) if index is None else f"{as_text(name)}:{index!s:.10}"
    if not re.fullmatch(r"[a-z]{1,20}(:\d{1,3})?", text):
        raise TypeError(f"the device '{text:.40}'")
    return torch.device(text)


def _make_counter(counts: object = None) -> Counter[object]:
    pairs: Mapping[object, object] = counts if isinstance(counts, dict) else {}
    if not _are_sizes(*pairs.values()):
        raise TypeError("a malformed Counter")
    return Counter({as_inert_key(key): count for key, count in pairs.items()})


def _make_default_dict(_: object = None, items: object = None) -> dict[object, object]:
    """`collections.defaultdict`, without its default."""
    return {as_inert_key(key): value for key, value in items.items()} if type(items) is dict else {}


def _make_ordered_dict(pairs: Any = ()) -> OrderedDict[object, object]:
    return OrderedDict((as_inert_key(key), value) for key, value in pairs)


def _make_set(items: Any = ()) -> set[object]:
    return set(map(as_inert_key, items))


def _make_dtype(code: object, *more: object) -> object:
    """A dtype of numbers, or a placeholder of another one: text, times, objects, fields."""
    try:
        return NUMPY_VOCABULARY.functions["numpy.dtype"](code, *more)  # type: ignore[misc]
    except TypeError:
        return Placeholder("numpy.dtype")


def _make_array(function: Callable[..., object]) -> Callable[..., object]:
    """A function of numpy whose arrays may be of another class, or of no numbers."""

    def make(*arguments: object) -> object:
        if any(type(each) is Placeholder or _is_unknown(each) for each in arguments):
            return Placeholder("numpy.ndarray")
        return function(*arguments)

    return make


def _is_unknown(value: object) -> bool:
    return isinstance(value, Named) and value.is_unknown


def _restore(target: object, state: object) -> None:
    """Restores as numpy does, but an array of other than numbers becomes an empty one."""
    if type(target) is np.ndarray and type(state) is tuple and Placeholder in map(type, state):
        target.__setstate__((1, (0,), np.dtype(object), False, []))  # type: ignore[arg-type]
        return
    NUMPY_VOCABULARY.restore(target, state)


_OBJECTS: dict[str, Callable[..., object] | None] = {
    "builtins.getattr": get_inner,
    "__builtin__.getattr": get_inner,
    **{
        f"{module}.{name.removesuffix('Storage')}Tensor": None  # named, but never made by its size
        for module in ("torch", "torch.cuda")
        for name in _STORAGES
    },
    "collections.defaultdict": _make_default_dict,
    "collections.OrderedDict": _make_ordered_dict,
    "builtins.set": _make_set,
    "__builtin__.set": _make_set,
    **{
        name: _make_array(function)
        for name, function in NUMPY_VOCABULARY.functions.items()
        if name.startswith("numpy.") and function is not None
    },
    "numpy.dtype": _make_dtype,
}
