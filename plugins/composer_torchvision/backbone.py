"""The networks of torchvision without their classifiers.

Legend: N images.
"""

import difflib
from collections.abc import Callable
from typing import Any, Literal, cast

from jaxtyping import Float
from torch import Tensor, nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from composer.layers import (
    FrozenBatchNorm2d,
    Optimization,
    fold_norms,
    freeze_batch_norm,
    rename_state,
)
from composer.ranges import NonNegative
from composer.structures import Features, ImageList, TensorShape, require_levels
from composer_torchvision.network_levels import NetworkLevel, find_network_levels

BackboneNorm = Literal["", "FrozenBN", "SyncBN"]

_NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm, FrozenBatchNorm2d)

# What torchvision's builders take to fetch weights.
_DOWNLOADS = ("weights", "weights_backbone", "pretrained", "pretrained_backbone", "progress")


class TorchvisionBackbone(nn.Module):
    """Any convolutional or hierarchical network of torchvision as a backbone.

    Levels are called c2, c3, ... after the binary logarithm of their stride, 4, 8, ...: each is
    the last map of the network at that stride (Lin et al. 2017, section 3). What comes after the
    last level is not built. Weights keep torchvision's names, and are never downloaded.

    Args:
        images_shape: the images: RGB, normalised as the weights expect.
        name: the network, as `torchvision.models.list_models` calls it.
        out_features: the levels to give.
        parts: for levels that are to come from elsewhere, the module that gives each (`{c4:
            layer3.4}`).
        norm: `FrozenBN` freezes the network's batch normalisations, `SyncBN` synchronises them,
            "" leaves them as they are.
        norm_eps: added to the variances of the normalisations; by default the network's own.
        options: what else the network's builder takes.

    Raises:
        ValueError: there is no such network or level, or the options ask for a download.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        name: str = "resnet50",
        out_features: tuple[str, ...] = ("c2", "c3", "c4", "c5"),
        parts: dict[str, str] | None = None,
        norm: BackboneNorm = "FrozenBN",
        norm_eps: NonNegative | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if images_shape.channels not in (None, 3):
            raise ValueError(f"{name} takes images of 3 channels, not of {images_shape.channels}.")
        network = convert_norms(_build_network(name, options or {}), norm, norm_eps)
        levels = find_network_levels(network, parts)
        require_levels(name, out_features, levels)
        self._levels = {level: levels[level] for level in levels if level in out_features}
        self.network = create_feature_extractor(
            network,
            {found.part: level for level, found in self._levels.items()},
            tracer_kwargs={"leaf_modules": [FrozenBatchNorm2d]},
            suppress_diff_warning=True,
        )
        rename_state(self, {"network.": ""})

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return {name: level.shape for name, level in self._levels.items()}

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        maps: dict[str, Float[Tensor, "N _ _ _"]] = self.network(images.tensor)
        return {
            name: _put_channels_first(maps[name], level) for name, level in self._levels.items()
        }


def _build_network(name: str, options: dict[str, Any]) -> nn.Module:
    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"It has {', '.join(known)}."
        raise ValueError(f"torchvision has no network '{name}'. {hint}")
    refused = [option for option in _DOWNLOADS if option in options]
    if refused:
        raise ValueError(
            f"options: '{refused[0]}' would download; name a checkpoint in the spec's weights."
        )
    return cast("nn.Module", models.get_model(name, weights=None, **options))


def convert_norms(network: nn.Module, norm: BackboneNorm, eps: float | None = None) -> nn.Module:
    """Returns a network with another kind of batch normalisation, changed in place.

    Args:
        network: the network.
        norm: see `TorchvisionBackbone`.
        eps: added to the variances; None leaves it as it is.
    """
    if norm == "FrozenBN":
        network = freeze_batch_norm(network)
    elif norm == "SyncBN":
        convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
        network = convert(network)
    for module in network.modules():
        if eps is not None and isinstance(module, _NORMS):
            module.eps = eps
    return network


def _put_channels_first(
    map_: Float[Tensor, "N _ _ _"], level: NetworkLevel
) -> Float[Tensor, "N _ _ _"]:
    return map_.permute(0, 3, 1, 2) if level.channels_last else map_
