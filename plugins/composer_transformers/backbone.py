"""The networks of transformers as backbones.

Legend: N images. `_` is channels, and a map's height and width.
"""

import difflib
import re
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization, rename_state
from composer.ranges import PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_transformers.configuration import without_code
from composer_transformers.feature_levels import measure_levels
from composer_transformers.library import load_library
from composer_transformers.masks import match_pixels
from composer_transformers.network_folding import fold_network
from composer_transformers.parts import build_network

_OF_TIMM = "timm_backbone"
_DEEPEST = "last_feat"  # the one map of a network without levels, as ViTDet calls it


class TransformersBackbone(nn.Module):
    """Any network of transformers that gives feature maps (`AutoBackbone`), as a backbone.

    Levels of a network of stages (ConvNeXt, Swin, ResNet) are called c2, c3, ... after the binary
    logarithm of their stride, 4, 8, ... A plain vision transformer (DINOv2, DINOv3) has one
    resolution: its last map is called `last_feat`, the other ones stage1, stage2, ... Weights
    have transformers' names, and are never downloaded.

    Args:
        images_shape: the images, normalised as the weights expect.
        model_type: the kind of network (`convnext`, `swin`, `dinov2`, `dinov3_vit`).
        config: what differs from transformers' defaults, as in a `config.json`.
        out_features: the levels to give; by default all of a network of stages, and the last map
            of a plain one.
        stride: of the maps of a plain vision transformer; by default the side of its patches. For
            another one, the network is given images that are resized accordingly: 16 for DINOv2,
            whose patches have 14 pixels, makes a map of which pyramids can be built.

    Raises:
        ValueError: there is no such network or level, or a stride is given to a network of stages.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        model_type: str,
        config: dict[str, Any] | None = None,
        out_features: tuple[str, ...] | None = None,
        stride: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        values = {"num_channels": images_shape.channels or 3, **(config or {})}
        levels = _find_levels(model_type, values)
        chosen = _choose(levels, out_features, model_type)
        shapes = {name: levels[name][1] for name in chosen}
        self._patch_size = _find_patch_size(levels, model_type) if stride else 0
        self._stride = stride or 0
        self._output_shape = {
            name: replace(shape, stride=stride or shape.stride) for name, shape in shapes.items()
        }
        stages = [levels[name][0] for name in chosen]
        self.network = build_network(_configure(model_type, values, stages))
        rename_state(self, {"network.": ""})

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_network)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        pixels = match_pixels(images, self.network)
        if self._stride != self._patch_size:
            pixels = _resize_cells(pixels, self._stride, self._patch_size)
        maps: list[Float[Tensor, "N _ _ _"]] = list(self.network(pixels).feature_maps)
        return dict(zip(self._output_shape, maps, strict=True))


def _find_levels(kind: str, values: dict[str, Any]) -> dict[str, tuple[str, TensorShape]]:
    """The stages of a network and their shapes, by level."""
    stages = [name for name in _configure(kind, values, None).stage_names if _is_stage(name)]
    network = build_network(_configure(kind, values, stages), without_memory=True)
    channels = values["num_channels"]
    shapes = measure_levels(lambda pixels: network(pixels).feature_maps, stages, channels)
    names = list(shapes)
    if names == stages and len({shape.stride for shape in shapes.values()}) == 1:
        names[-1] = _DEEPEST
    return {
        name: (stage, shape)
        for name, stage, shape in zip(names, stages, shapes.values(), strict=True)
    }


def _find_patch_size(levels: dict[str, tuple[str, TensorShape]], kind: str) -> int:
    """The stride of all maps of a plain vision transformer.

    Raises:
        ValueError: the network has stages.
    """
    if _DEEPEST not in levels:
        raise ValueError(f"stride: {kind} has levels of several strides: {', '.join(levels)}.")
    return levels[_DEEPEST][1].stride or 1


def _resize_cells(
    pixels: Float[Tensor, "N _ _ _"], before: int, after: int
) -> Float[Tensor, "N _ _ _"]:
    """Resizes images so that a cell's side of some pixels has so many; they are padded to cells."""
    height, width = pixels.shape[-2:]
    rows, columns = -(-height // before), -(-width // before)
    padded = F.pad(pixels, (0, columns * before - width, 0, rows * before - height))
    size = (rows * after, columns * after)
    return F.interpolate(padded, size=size, mode="bilinear", align_corners=False)


def _is_stage(name: str) -> bool:
    return re.fullmatch(r"stage\d+", name) is not None


def _choose(
    levels: dict[str, tuple[str, TensorShape]], wanted: tuple[str, ...] | None, kind: str
) -> list[str]:
    if wanted is None:
        return [_DEEPEST] if _DEEPEST in levels else list(levels)
    missing = [name for name in wanted if name not in levels]
    if missing or not wanted:
        raise ValueError(
            f"out_features: {kind} has no level {', '.join(missing) or '(none is named)'}, only "
            f"{', '.join(levels)}."
        )
    return [name for name in levels if name in wanted]


def _configure(kind: str, values: dict[str, Any], stages: list[str] | None) -> Any:
    """The configuration of a network that gives these stages.

    Raises:
        ValueError: there is no such network, or the configuration is wrong.
    """
    library = load_library()
    known = sorted({one.model_type for one in library.AutoBackbone._model_mapping} - {_OF_TIMM})
    if kind == _OF_TIMM:
        raise ValueError(f"networks of timm have a node type of their own: uses: {_OF_TIMM}")
    if kind not in known:
        close = difflib.get_close_matches(kind, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"It has {', '.join(known)}."
        raise ValueError(f"transformers has no backbone '{kind}'. {hint}")
    options = {**without_code(values), "out_features": stages, "out_indices": None}
    options.pop("model_type", None)
    try:
        found = library.CONFIG_MAPPING[kind](**options)
        # Defaults of some networks are tuples, to which their code adds lists.
        lists = {name: list(value) for name, value in vars(found).items() if type(value) is tuple}
        return library.CONFIG_MAPPING[kind](**{**options, **lists}) if lists else found
    except Exception as error:  # of several kinds, as its classes check themselves
        reason = " ".join(str(error).split())
        raise ValueError(f"config: {type(error).__name__}: {reason}") from error
