"""The heads of torchvision's SSD and SSDLite.

Legend: N images. `_` is the numbers of a cell, and a level's height and width.
"""

from functools import partial
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.ssd import SSDHead
from torchvision.models.detection.ssdlite import SSDLiteHead

from composer.layers import Optimization, fold_norms, rename_state
from composer.ranges import PositiveInt
from composer.structures import AnchorDeltas, AnchorLogits, Features, TensorShape, pick_levels
from composer_torchvision.backbone import BackboneNorm, convert_norms

_LITE_NORM = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)


class SSDPredictions(NamedTuple):
    """Predictions for every default box.

    Args:
        class_logits: per level, N x (A * (K + 1)) x H x W, the background last.
        box_deltas: box offsets per level, N x (A * 4) x H x W.
    """

    class_logits: AnchorLogits
    box_deltas: AnchorDeltas


class TorchvisionSSDHead(nn.Module):
    """One convolution a level for classes, and one for boxes (Liu et al. 2016, section 2.1).

    Args:
        features_shape: the levels that come in.
        in_features: the levels to work on; all by default.
        num_classes: number of classes, without the background.
        num_anchors: for each level the number of default boxes of a cell.
        separable: whether convolutions are separable, as in SSDLite (Sandler et al. 2018,
            section 6.2).
        norm: the kind of batch normalisation in separable ones; see `torchvision_backbone`.

    Raises:
        ValueError: a level does not exist, its channels are not known, or there are values for
            another number of levels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        num_classes: PositiveInt,
        num_anchors: tuple[PositiveInt, ...],
        separable: bool = False,
        norm: BackboneNorm = "",
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        found = [features_shape[name].channels for name in self.in_features]
        channels = [count for count in found if count is not None]
        if len(channels) < len(found):
            raise ValueError(f"The channels of {', '.join(self.in_features)} are not all known.")
        if len(num_anchors) != len(channels):
            raise ValueError(
                f"num_anchors are given for {len(num_anchors)} levels, but there are "
                f"{len(channels)}."
            )
        sizes = (channels, list(num_anchors), num_classes + 1)
        head = SSDLiteHead(*sizes, _LITE_NORM) if separable else SSDHead(*sizes)
        self.network = convert_norms(head, norm)
        rename_state(
            self,
            {
                "network.classification_head.module_list.": "cls_score.",
                "network.regression_head.module_list.": "bbox_pred.",
            },
        )

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms, float32_outputs=("class_logits", "box_deltas"))

    def forward(self, features: Features) -> SSDPredictions:
        """Returns class logits and box offsets of all default boxes, level by level."""
        maps = [features[name] for name in self.in_features]
        classes, boxes = (
            self.network.get_submodule(f"{kind}_head.module_list")
            for kind in ("classification", "regression")
        )
        return SSDPredictions(_predict(classes, maps), _predict(boxes, maps))


def _predict(
    levels: nn.Module, maps: list[Float[Tensor, "N _ _ _"]]
) -> list[Float[Tensor, "N _ _ _"]]:
    return [layer(map_) for layer, map_ in zip(levels.children(), maps, strict=True)]
