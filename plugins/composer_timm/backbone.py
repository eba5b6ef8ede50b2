"""The networks of timm without their classifiers.

Legend: N images.
"""

import difflib
from collections.abc import Iterator
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization, fold_norms, fold_observed, rename_state
from composer.structures import Features, ImageList, TensorShape, require_levels

try:
    import timm

    from composer_timm.activated_norms import freeze_norms, split_norms
except ImportError as error:
    raise ImportError(
        f"timm cannot be imported ({error}); install it with "
        "`pip install 'detection-composer[timm]'`"
    ) from error

BackboneNorm = Literal["", "FrozenBN"]

# What timm's builder takes to fetch weights.
_EXAMPLE_SIDE = 224  # of images that a network is run on to see what follows what
_REFUSED = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path")


class TimmBackbone(nn.Module):
    """Any network of timm that returns features, as a backbone.

    Levels are called c2, c3, ... after the binary logarithm of their stride, 4, 8, ..., as timm
    reports it (`features_only`). Stages after the last level are not built. Weights have the names
    of timm's checkpoints, and are never downloaded.

    Args:
        images_shape: the images, normalised as the weights expect.
        name: the network, as `timm.list_models` calls it.
        out_features: the levels to give.
        norm: `FrozenBN` freezes the network's batch normalisations, "" leaves them as they are.
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
        norm: BackboneNorm = "FrozenBN",
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        options = {**(options or {}), "in_chans": images_shape.channels or 3}
        _check(name, options)
        info = _build_without_memory(name, options, features_only=True).feature_info
        levels = _name_levels(info.reduction(), info.channels())
        require_levels(name, out_features, levels)
        chosen = {level: levels[level] for level in levels if level in out_features}
        self._output_shape = {level: shape for level, (_, shape) in chosen.items()}
        indices = [info.out_indices[position] for position, _ in chosen.values()]
        self.network = timm.create_model(
            name, pretrained=False, features_only=True, out_indices=indices, **options
        )
        if norm == "FrozenBN":
            freeze_norms(self.network)
        whole = _build_without_memory(name, options, features_only=False)
        self._channels_last = getattr(whole, "output_fmt", "NCHW") == "NHWC"
        rename_state(self, dict(_restore_names(self.network, whole)))

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(_fold)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        maps: list[Float[Tensor, "N _ _ _"]] = self.network(images.tensor)
        if self._channels_last:
            maps = [map_.permute(0, 3, 1, 2) for map_ in maps]
        return dict(zip(self._output_shape, maps, strict=True))


def _fold(module: nn.Module) -> nn.Module:
    """Returns a backbone with the normalisations of its network folded."""
    assert isinstance(module, TimmBackbone)
    network = module.network
    split_norms(network)
    first = next((each for each in network.modules() if isinstance(each, nn.Conv2d)), None)
    if first is not None:
        side = getattr(network, "default_cfg", {}).get("input_size", (3, _EXAMPLE_SIDE))[-1]
        pixels = torch.zeros(1, first.in_channels, side, side, device=first.weight.device)
        fold_observed(network, lambda: network(pixels))
    return fold_norms(module)


def _check(name: str, options: dict[str, Any]) -> None:
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=1)
        hint = f"Did you mean '{close[0]}'?" if close else "timm.list_models() has their names."
        raise ValueError(f"timm has no network '{name}'. {hint}")
    refused = [option for option in _REFUSED if option in options]
    if refused:
        raise ValueError(
            f"options: '{refused[0]}' would fetch weights; name a checkpoint in the spec's weights."
        )


def _build_without_memory(name: str, options: dict[str, Any], *, features_only: bool) -> Any:
    """Builds a network on the meta device, or on the CPU if it needs real numbers."""
    more = {**options, "features_only": True} if features_only else options
    try:
        with torch.device("meta"):
            return timm.create_model(name, pretrained=False, **more)
    except (NotImplementedError, RuntimeError):
        return timm.create_model(name, pretrained=False, **more)


def _name_levels(strides: list[int], channels: list[int]) -> dict[str, tuple[int, TensorShape]]:
    """Returns the position and the shape of the last level of each stride."""
    return {
        f"c{stride.bit_length() - 1}": (position, TensorShape(count, stride=stride))
        for position, (stride, count) in enumerate(zip(strides, channels, strict=True))
    }


def _restore_names(network: nn.Module, whole: nn.Module) -> Iterator[tuple[str, str]]:
    """Yields how weights begin in the network of features, and how in timm's checkpoints.

    timm calls `stages.0` of a network `stages_0` in its network of features, or puts the whole
    network into a part called `model`.
    """
    known = {name for name, _ in whole.named_modules()}
    for name, _ in network.named_children():
        if name == "model" and name not in known:
            yield "network.model.", ""
            continue
        parts = name.split("_")
        spellings = (
            "_".join(parts[:cut]) + "." + "_".join(parts[cut:]) for cut in range(1, len(parts))
        )
        original = name if name in known else next((s for s in spellings if s in known), name)
        yield f"network.{name}.", f"{original}."
