"""Weights of classes in the federated loss: from the checkpoint, the spec or the training set.

Legend: K classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from composer.data import Dataset
from composer.errors import InputError
from composer.graph import Graph

_TOLERANCE = 0.01  # of the share that a class has of all weights


@runtime_checkable
class WeighsClasses(Protocol):
    """A module that can draw classes by the number of images that they occur in."""

    @property
    def draws_classes(self) -> bool:
        """Whether it does so."""

    @property
    def class_weights(self) -> Float[Tensor, K] | None:
        """The weights; None as long as they are not known."""

    def weigh_counts(self, counts: Sequence[int | float]) -> Float[Tensor, K]:
        """The weights of classes that occur in so many images."""

    def set_class_counts(self, counts: Sequence[int | float]) -> None:
        """Sets the weights."""


def fill_class_weights(graph: Graph, dataset: Dataset) -> list[str]:
    """Gives the modules of a model that draw classes their weights, where they have none.

    Weights of the checkpoint (or of the node's configuration) stay; else those of the
    `image_counts` in the spec's metadata count, else images are counted.

    Args:
        graph: the model, its checkpoint loaded.
        dataset: the training set.

    Returns:
        Lines for the user: the source, and by what it differs from the training set.

    Raises:
        InputError: there are counts of another number of classes.
    """
    found = dict(_find_modules(graph))
    lines: dict[str, None] = {}  # the stages of a cascade say the same
    counted = count_images(dataset) if found else []
    told = graph.spec.metadata.image_counts
    for path, module in found.items():
        try:
            source = _fill(module, told, counted)
            lines[_describe(source, module, counted, dataset)] = None
        except ValueError as error:
            raise InputError(f"node '{path}': {error}") from error
    return list(lines)


def _find_modules(graph: Graph) -> Iterator[tuple[str, WeighsClasses]]:
    """The modules that draw classes by path, but those that another node gives weights."""
    for path in graph.callables:
        module: object = graph.callables[path]
        is_wired = "class_weights" in graph.blueprint.nodes[path].arguments.get("training", {})
        if isinstance(module, WeighsClasses) and module.draws_classes and not is_wired:
            yield path, module


def count_images(dataset: Dataset) -> list[int]:
    """The number of images that each class occurs in, without crowds."""
    counts = Counter(
        category
        for record in dataset.records
        for category in {a.category for a in record.annotations if not a.is_crowd}
    )
    return [counts[index] for index in range(len(dataset.metadata.thing_classes))]


def _fill(module: WeighsClasses, told: Sequence[int], counted: Sequence[int]) -> str:
    if module.class_weights is not None:
        return "the checkpoint"
    module.set_class_counts(told or counted)
    return "the spec's metadata" if told else "the training set"


def _describe(source: str, module: WeighsClasses, counted: Sequence[int], dataset: Dataset) -> str:
    line = f"federated loss: classes are drawn by the numbers of images of {source}"
    weights, own = module.class_weights, module.weigh_counts(counted)
    if weights is None or not own.any():
        return f"{line}, which has none: all classes are drawn alike"
    shares, own_shares = weights.cpu() / weights.sum().cpu(), own / own.sum()
    distance = (shares - own_shares).abs() / own_shares.maximum(shares).clamp(min=1e-12)
    different = int((distance > _TOLERANCE).sum())
    if not different:
        return line
    worst = int((shares - own_shares).abs().argmax())
    return (
        f"{line}; in the training set, {different} of {len(own)} classes have another share: "
        f"'{dataset.metadata.thing_classes[worst]}' has {own_shares[worst]:.1%} in place of "
        f"{shares[worst]:.1%}"
    )
