"""Edits that put values of other runs in the place of computed ones: patches and means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from composer.errors import InputError
from composer.graph import Graph, Session
from composer.structures import ImageBatch, iterate_tensors, map_tensors
from composer.values import copy_value, describe


class Patch:
    """An edit that gives the value of another run in place of the computed one.

    Args:
        session: the other run, on another image, with other edits, or of another model. It
            computes the value when it is needed.
        name: name of the value there; by default that of the edited one.
    """

    def __init__(self, session: Session, name: str | None = None) -> None:
        if not isinstance(session, Session):
            raise InputError(
                f"a patch is from a session, `graph.session(inputs)`, not {type(session).__name__}"
            )
        self._session, self._name = session, name

    def edit_at(self, name: str) -> Callable[[Any], Any]:
        """The edit of a place."""
        source = self._name or name
        return lambda _value: copy_value(self._session.read(source))


def patch(session: Session, name: str | None = None) -> Patch:
    """An edit that puts in the value of another run (activation patching; Zhang and Nanda 2024).

    Args:
        session: the other run: on another image, or of another model with a value of the type.
        name: name of the value there; by default that of the edited one.

    Raises:
        InputError: it is no session.
    """
    return Patch(session, name)


def mean(graph: Graph, inputs: Iterable[Any]) -> Mean:
    """An edit that gives the mean of a reference set: a number for each channel.

    The numbers of maps (N, C, H, W) and rows (R, C) are replaced by the mean of their channel over
    all images, regions and places; those of other tensors by the mean of all. It does not matter
    that images have different sizes. Means are computed when they are needed, and once a place.

    Args:
        graph: the graph that is run on the reference set, without edits.
        inputs: several inputs of it, each as `run` takes them; or images, each a batch of its own.

    Raises:
        InputError: there are none, or it is no graph.
    """
    return Mean(graph, inputs)


class Mean:
    """An edit that gives means over a reference set: see `mean`."""

    def __init__(self, graph: Graph, inputs: Iterable[Any]) -> None:
        if isinstance(inputs, Mapping) or not isinstance(inputs, Iterable):
            raise InputError(
                f"a reference set is a list of inputs of the graph, not {type(inputs).__name__}"
            )
        if not isinstance(graph, Graph):
            raise InputError(f"a mean is that of a graph's values, not {type(graph).__name__}")
        self._graph, self._inputs = graph, _list_inputs(graph, inputs)
        if not self._inputs:
            raise InputError("a reference set has one input at least")

    def edit_at(self, name: str) -> Callable[[Any], Any]:
        """The edit of a place."""
        return _MeanAt(self._graph, self._inputs, name)


class _MeanAt:
    def __init__(self, graph: Graph, inputs: Sequence[Any], name: str) -> None:
        self._graph, self._inputs, self._name = graph, inputs, name
        self._means: dict[tuple[Any, ...], Tensor] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, ImageBatch):
            raise InputError("images of a batch have no mean; edit the node that reads them")
        if not self._means:
            self._means = self._compute()
        means = [self._means.get(key) for key, _ in _walk(value)]
        tensors = dict(zip(map(id, iterate_tensors(value)), means, strict=True))
        return map_tensors(lambda tensor: self._fill(tensor, tensors[id(tensor)]), value)

    def _compute(self) -> dict[tuple[Any, ...], Tensor]:
        sums: dict[tuple[Any, ...], tuple[Tensor, int]] = {}
        for given in self._inputs:
            with torch.no_grad():
                value = self._graph.session(given, seed=0).read(self._name)
            for key, tensor in _walk(value):
                if tensor.is_floating_point():
                    _add(sums, key, tensor, self._name)
        means = {key: (total / count) for key, (total, count) in sums.items() if count}
        if not means:
            raise InputError(f"the reference set has no floating-point numbers at '{self._name}'")
        return means

    def _fill(self, tensor: Tensor, mean: Tensor | None) -> Tensor:
        if not tensor.is_floating_point() or not tensor.numel():
            return tensor
        if mean is None:
            raise InputError(f"the reference set has no values at '{self._name}'")
        if mean.ndim and mean.shape[0] != tensor.shape[1]:
            raise InputError(
                f"the reference set has {mean.shape[0]} channels at '{self._name}', and "
                f"{describe(tensor)} has {tensor.shape[1]}"
            )
        shape = [1] * tensor.ndim
        if mean.ndim:
            shape[1] = -1
        return mean.reshape(shape).expand(tensor.shape).to(tensor).contiguous()


def _list_inputs(graph: Graph, inputs: Iterable[Any]) -> tuple[Any, ...]:
    """Inputs of a graph; one image, where it takes a batch, is a batch of its own."""
    points = list(graph.blueprint.inputs.get("inference", {}).values())
    takes_images = len(points) == 1 and points[0].convert is not None
    kind = Mapping if takes_images else ()
    return tuple([[each] if isinstance(each, kind) else each for each in inputs])


def _add(
    sums: dict[tuple[Any, ...], tuple[Tensor, int]], key: tuple[Any, ...], tensor: Tensor, name: str
) -> None:
    axes = [axis for axis in range(tensor.ndim) if axis != 1]
    total = tensor.double().sum(dim=axes) if axes else tensor.double()
    count = tensor.numel() // max(1, total.numel())
    before, known = sums.get(key, (torch.zeros_like(total), 0))
    if before.shape != total.shape:
        raise InputError(f"the values of the reference set at '{name}' have different channels")
    sums[key] = before + total, known + count


def _walk(value: Any, key: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    """The tensors of a value, in the order of `iterate_tensors`; entries of lists share a key."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _walk(each, (*key, name))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _walk(each, (*key, "entry"))
    else:
        for index, tensor in enumerate(iterate_tensors(value)):
            yield (*key, index), tensor
