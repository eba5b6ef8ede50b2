"""The vocabulary of pickles in files of torch, and checks of the sizes that they claim.

torch's own reader (`weights_only=True`) is what loads such a file. It trusts sizes, though: it
makes room for whatever a tensor claims to be, and hashes keys of any depth. So each pickle is
first walked through by our machine with this vocabulary, which builds no tensor at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from composer.checkpoint.numpy_pickle import CONTAINERS, as_text
from composer.checkpoint.unpickler import Named, Vocabulary, as_key

_ITEM_SIZES = {
    "BFloat16Storage": 2,
    "BoolStorage": 1,
    "ByteStorage": 1,
    "CharStorage": 1,
    "ComplexDoubleStorage": 16,
    "ComplexFloatStorage": 8,
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "IntStorage": 4,
    "LongStorage": 8,
    "ShortStorage": 2,
    "UntypedStorage": 1,
}
_DTYPE_SIZES = {
    f"torch.{name}": value.itemsize
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype)
}


@dataclass(frozen=True)
class ClaimedStorage:
    """A storage that a pickle refers to: where its data are, and how many it says there are."""

    key: str
    num_bytes: int
    item_size: int


class ClaimedTensor:
    """Stands for a tensor whose claims have been checked."""


@dataclass
class TorchClaims:
    """Collects which storages a pickle refers to, and checks the tensors in them.

    Attributes:
        storages: storage key -> the most bytes that are claimed for it.
    """

    storages: dict[str, int] = field(default_factory=dict)

    def vocabulary(self) -> Vocabulary:
        """The vocabulary that fills this collection."""
        return Vocabulary(
            holds="tensors and plain containers",
            functions=self._functions(),
            restore=_refuse_state,
            persistent=self._storage,
        )

    def _functions(self) -> Mapping[str, Callable[..., object] | None]:
        return {
            **CONTAINERS,
            "collections.Counter": _make_counter,
            "builtins.complex": complex,
            "__builtin__.complex": complex,
            "torch.Size": tuple,
            "torch.device": lambda *_: "device",
            "torch._utils._rebuild_tensor": _check_tensor,
            "torch._utils._rebuild_tensor_v2": _check_tensor,
            "torch._utils._rebuild_tensor_v3": _check_tensor_of_dtype,
            "torch._utils._rebuild_parameter": _check_parameter,
            **dict.fromkeys(_DTYPE_SIZES),
            **{
                f"{module}.{name}": None
                for module in ("torch", "torch.cuda", "torch.storage")
                for name in _ITEM_SIZES
            },
        }

    def _storage(self, identifier: object) -> ClaimedStorage:
        if not isinstance(identifier, tuple) or as_text(identifier[0]) != "storage":
            raise TypeError("a stored object that is no tensor storage")
        kind, key, _, count, *view = identifier[1:]
        if not isinstance(kind, Named) or type(count) is not int or count < 0:
            raise TypeError("a malformed tensor storage")
        item_size = _ITEM_SIZES[kind.name.rpartition(".")[2]]
        storage = ClaimedStorage(as_text(key), count * item_size, item_size)
        self.storages[storage.key] = max(storage.num_bytes, self.storages.get(storage.key, 0))
        if view and view[0] is not None:
            return self._view(storage, *view[0])
        return storage

    def _view(
        self, storage: ClaimedStorage, key: object, offset: object, count: object
    ) -> ClaimedStorage:
        if not _are_sizes(offset, count):
            raise TypeError("a malformed view of a tensor storage")
        end = (offset + count) * storage.item_size  # type: ignore[operator]
        if end > storage.num_bytes:
            raise ValueError(f"a view that ends at byte {end} of {storage.num_bytes}")
        return ClaimedStorage(as_text(key), end, storage.item_size)


def _are_sizes(*values: object) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _check_tensor(
    storage: object, offset: object, shape: object, stride: object, *_: object
) -> ClaimedTensor:
    if not isinstance(storage, ClaimedStorage):
        raise TypeError("a tensor without a storage")
    return _check_extent(storage, storage.item_size, offset, shape, stride)


def _check_tensor_of_dtype(
    storage: object, offset: object, shape: object, stride: object, *rest: object
) -> ClaimedTensor:
    dtype = rest[2]
    if not isinstance(storage, ClaimedStorage) or not isinstance(dtype, Named):
        raise TypeError("a tensor without a storage or a dtype")
    return _check_extent(storage, _DTYPE_SIZES[dtype.name], offset, shape, stride)


def _check_extent(
    storage: ClaimedStorage, item_size: int, offset: object, shape: object, stride: object
) -> ClaimedTensor:
    if not isinstance(shape, tuple) or not isinstance(stride, tuple) or not isinstance(offset, int):
        raise TypeError("a malformed tensor")
    if len(shape) != len(stride) or not _are_sizes(offset, *shape, *stride):
        raise TypeError("a malformed tensor")
    count = math.prod(shape)
    last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
    # A tensor that repeats its data (stride 0) is no more than a few bytes in the file.
    needed = max(last + 1, count) * item_size if count else 0
    if needed > storage.num_bytes:
        raise ValueError(
            f"a tensor of shape {shape} takes {needed} bytes of a storage of {storage.num_bytes}"
        )
    return ClaimedTensor()


def _check_parameter(data: object, *_: object) -> ClaimedTensor:
    if not isinstance(data, ClaimedTensor):
        raise TypeError("a parameter without data")
    return data


def _make_counter(counts: object = None) -> Counter[object]:
    pairs = counts.items() if isinstance(counts, dict) else ()
    if not _are_sizes(*(count for _, count in pairs)):
        raise TypeError("a malformed Counter")
    return Counter({as_key(key): count for key, count in pairs})


def _refuse_state(target: object, _: object) -> None:
    raise TypeError(f"state set on a {type(target).__name__}")
