"""Concatenation of features, level by level."""

import torch
from torch import nn

from composer.layers import Optimization
from composer.structures import Features, TensorShape, get_channels


class ConcatenatedFeatures(nn.Module):
    """Concatenates the channels of two sets of features.

    Args:
        features_shape: the levels that come in.
        added_shape: the levels whose channels come after theirs; each of them is one of those,
            with the same stride. Levels that have none stay as they are.

    Raises:
        ValueError: a level does not exist, its strides differ, or its channels are not known.
    """

    def __init__(
        self, *, features_shape: dict[str, TensorShape], added_shape: dict[str, TensorShape]
    ) -> None:
        super().__init__()
        self._output_shape = dict(features_shape)
        for name, added in added_shape.items():
            if name not in features_shape:
                raise ValueError(
                    f"There is no level '{name}'; levels: {', '.join(features_shape)}."
                )
            shape = features_shape[name]
            if shape.stride != added.stride:
                raise ValueError(
                    f"Level '{name}' has strides of {shape.stride} and {added.stride}."
                )
            channels = get_channels(features_shape, name) + get_channels(added_shape, name)
            self._output_shape[name] = TensorShape(channels, stride=shape.stride)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """All levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: channels last, lower precision."""
        return Optimization.of_dense(None)

    def forward(self, features: Features, added: Features) -> Features:
        """Returns all levels; channels of `added` are the last ones."""
        return {
            name: torch.cat([map_, added[name]], dim=1) if name in added else map_
            for name, map_ in features.items()
        }
