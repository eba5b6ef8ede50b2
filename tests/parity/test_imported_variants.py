"""Configurations beside those with golden state dicts: each is made of parts that have one."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import yaml

from composer import Graph, import_config
from parity.configurations import read_configuration, read_state_dict

R101 = {"MODEL": {"RESNETS": {"DEPTH": 101}}}
X101 = {
    "MODEL": {
        "RESNETS": {"DEPTH": 101, "NUM_GROUPS": 32, "WIDTH_PER_GROUP": 8, "STRIDE_IN_1X1": False}
    }
}


@dataclass(frozen=True)
class Variant:
    """A configuration that differs from another one.

    Args:
        base: the other one.
        changes: what differs.
        parts: configurations that have the same weights under a prefix.
        without: prefixes of weights that only the other one has.
    """

    base: str
    changes: dict[str, Any]
    parts: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def state_dict(self) -> dict[str, list[int]]:
        replaced = (*self.parts, *self.without)
        found = read_state_dict(self.base)
        found = {key: shape for key, shape in found.items() if not key.startswith(replaced)}
        for prefix, name in self.parts.items():
            shapes = read_state_dict(name)
            found |= {key: shape for key, shape in shapes.items() if key.startswith(prefix)}
        return found


VARIANTS = {
    "faster_rcnn_R_101_FPN_3x": Variant(
        "faster_rcnn_R_50_FPN_1x", R101, {"backbone": "mask_rcnn_R_101_FPN_1x"}
    ),
    "retinanet_R_101_FPN_3x": Variant(
        "retinanet_R_50_FPN_3x", R101, {"backbone.bottom_up": "mask_rcnn_R_101_FPN_1x"}
    ),
    "panoptic_fpn_R_101_3x": Variant(
        "panoptic_fpn_R_50_3x", R101, {"backbone": "mask_rcnn_R_101_FPN_1x"}
    ),
    "mask_rcnn_X_101_32x8d_FPN_3x": Variant(
        "mask_rcnn_R_50_FPN_3x", X101, {"backbone": "mask_rcnn_X_101_32x8d_FPN_1x"}
    ),
    "mask_rcnn_R_101_C4_3x": Variant(
        "mask_rcnn_R_50_C4_3x", R101, {"backbone": "faster_rcnn_R_101_C4_3x"}
    ),
    "mask_rcnn_R_101_DC5_3x": Variant(
        "mask_rcnn_R_50_DC5_3x", R101, {"backbone": "faster_rcnn_R_101_DC5_3x"}
    ),
    "rpn_R_50_FPN_1x": Variant(
        "faster_rcnn_R_50_FPN_1x",
        {"MODEL": {"META_ARCHITECTURE": "ProposalNetwork"}},
        without=("roi_heads.",),
    ),
    "faster_rcnn_R_50_DC5_1x": Variant(
        "mask_rcnn_R_50_DC5_3x", {"MODEL": {"MASK_ON": False}}, without=("roi_heads.mask_head.",)
    ),
    "panoptic without masks": Variant(
        "panoptic_fpn_R_50_3x", {"MODEL": {"MASK_ON": False}}, without=("roi_heads.mask_head.",)
    ),
    "panoptic on given proposals": Variant(
        "panoptic_fpn_R_50_3x",
        {"MODEL": {"PROPOSAL_GENERATOR": {"NAME": "PrecomputedProposals"}}},
        without=("proposal_generator.",),
    ),
    "mask_rcnn_R_50_FPN_3x_gn": Variant(
        "scratch_mask_rcnn_R_50_FPN_3x_gn", {"MODEL": {"BACKBONE": {"FREEZE_AT": 2}}}
    ),
    "mask_rcnn_R_50_FPN_1x_giou": Variant(
        "mask_rcnn_R_50_FPN_3x", {"MODEL": {"ROI_BOX_HEAD": {"BBOX_REG_LOSS_TYPE": "giou"}}}
    ),
    "cascade with two stages": Variant(
        "cascade_mask_rcnn_R_50_FPN_3x",
        {
            "MODEL": {
                "ROI_BOX_CASCADE_HEAD": {
                    "IOUS": [0.5, 0.6],
                    "BBOX_REG_WEIGHTS": [[10.0, 10.0, 5.0, 5.0], [20.0, 20.0, 10.0, 10.0]],
                }
            }
        },
        without=("roi_heads.box_head.2.", "roi_heads.box_predictor.2."),
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_the_weights_of_its_parts(name, tmp_path):
    variant = VARIANTS[name]
    (tmp_path / "base.yaml").write_text(read_configuration(variant.base))
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"_BASE_": "base.yaml", **variant.changes}))
    with torch.device("meta"):
        graph = Graph.from_spec(import_config(path))
    found = {key: list(value.shape) for key, value in graph.state_dict().items()}
    assert found == variant.state_dict()
