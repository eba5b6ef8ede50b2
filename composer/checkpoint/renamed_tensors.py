"""Tensors of a file under other keys, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from composer.checkpoint.safetensors_file import SafetensorsTensors


class RenamedTensors(Mapping[str, Tensor]):
    """Some tensors of a mapping under other keys.

    Args:
        tensors: the tensors by their keys in the file.
        keys: key -> key in the file.
    """

    def __init__(self, tensors: Mapping[str, Tensor], keys: Mapping[str, str]) -> None:
        self.tensors, self.original = tensors, dict(keys)

    @classmethod
    def without_prefix(cls, tensors: Mapping[str, Tensor], prefix: str) -> RenamedTensors:
        """The tensors whose keys begin with a prefix, without it."""
        return cls(tensors, {k[len(prefix) :]: k for k in tensors if k.startswith(prefix)})

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[self.original[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.original)

    def __len__(self) -> int:
        return len(self.original)

    def __contains__(self, key: object) -> bool:
        return key in self.original


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shapes of tensors by key; those of a safetensors file are in its header."""
    if isinstance(tensors, RenamedTensors):
        inner = tensors.tensors
        if isinstance(inner, SafetensorsTensors):
            return {key: inner.header.shapes[old] for key, old in tensors.original.items()}
    if isinstance(tensors, SafetensorsTensors):
        return dict(tensors.header.shapes)
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}
