"""A cascade of region heads, of any number of stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from composer.importing.carrying import check_box_weights
from composer.importing.config import Config
from composer.importing.draft import Draft

_SECTION = "MODEL.ROI_BOX_CASCADE_HEAD"
_NUM_SHIPPED = 3  # stages of the block that ships


def translate_cascade(config: Config, draft: Draft) -> None:
    """Sets what each stage of a cascade learns and how it moves boxes."""
    overlaps, weights = read_stages(config)
    shared = "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG"
    config.require(shared, True, because="in a cascade, classes share their boxes")
    config.drop("MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS", "a cascade has weights of its own")
    if not overlaps or overlaps[:1] != config.take("MODEL.ROI_HEADS.IOU_THRESHOLDS"):
        config.refuse(f"{_SECTION}.IOUS", "the first is MODEL.ROI_HEADS.IOU_THRESHOLDS")
    elif len(weights) != len(overlaps):
        config.refuse(f"{_SECTION}.BBOX_REG_WEIGHTS", f"there are {len(overlaps)} stages")
    else:
        for one in weights:
            check_box_weights(config, f"{_SECTION}.BBOX_REG_WEIGHTS", one, 4)
        set_stages(draft, overlaps, weights)


def read_stages(config: Config) -> tuple[list[float], list[list[float]]]:
    """The overlaps and the weights of box offsets of each stage."""
    return config.take(f"{_SECTION}.IOUS"), config.take(f"{_SECTION}.BBOX_REG_WEIGHTS")


def set_stages(draft: Draft, overlaps: Sequence[float], weights: Sequence[Sequence[float]]) -> None:
    """Sets the overlaps and weights of box offsets of the stages that ship."""
    draft.set("roi_heads.bbox_reg_weights", weights[0])
    for stage in range(1, min(len(overlaps), _NUM_SHIPPED)):
        draft.set(f"roi_heads.relabeled{stage}.iou_threshold", overlaps[stage])
        draft.set(f"roi_heads.stage{stage}.bbox_reg_weights", weights[stage])


def fit_stages(draft: Draft, overlaps: Sequence[float], weights: Sequence[Sequence[float]]) -> None:
    """Adds stages after the shipped ones, or leaves the last of these out, once all is set.

    Args:
        draft: the spec.
        overlaps: the IoU from which a stage takes a box for an object, by stage.
        weights: the weights of box offsets, by stage.
    """
    count = len(overlaps)
    if count in (0, _NUM_SHIPPED) or len(weights) != count:
        return
    block = draft.nested("roi_heads")
    stages = [f"stage{stage}" for stage in range(count)]
    nodes: dict[str, Any] = {}
    for stage in range(_NUM_SHIPPED, count):
        nodes |= _make_stage(draft, stage, overlaps[stage], weights[stage])
    nodes["detections"] = {
        "inputs": {
            "boxes": "proposals" if count == 1 else f"{stages[-2]}.boxes",
            "class_logits": [f"{name}.class_logits" for name in stages],
            "box_deltas": f"{stages[-1]}.box_deltas",
        },
        "with": {"box_weights": weights[-1]},
    }
    for name, node in nodes.items():
        draft.put_node(f"roi_heads.{name}", node)
    # Features get the mean gradient of the stages (Cai and Vasconcelos 2018).
    draft.set("roi_heads.stage*.gradient_scale.scale", 1 / count)
    for stage in range(count, _NUM_SHIPPED):
        draft.drop_node(f"roi_heads.stage{stage}")
        draft.drop_node(f"roi_heads.relabeled{stage}")
    branches = [wire for wire in block["outputs"]["losses"]["training"] if "stage" not in wire]
    losses = [*(f"{name}.losses" for name in stages), *branches]
    draft.put_node("roi_heads", {"outputs": {"losses": {"training": losses}}})


def _make_stage(
    draft: Draft, stage: int, overlap: float, weights: Sequence[float]
) -> dict[str, Any]:
    """The nodes of a further stage, made after the last one that ships."""
    last = draft.nested("roi_heads")["nodes"][f"stage{_NUM_SHIPPED - 1}"]
    params = {
        name: draft.value_within("roi_heads", value) for name, value in last["params"].items()
    }
    before, labels = f"stage{stage - 1}", f"relabeled{stage}"
    relabeled = {
        "uses": "relabeled_proposals",
        "when": "training",
        "inputs": {"boxes": f"{before}.boxes", "targets": "targets"},
        "with": {"num_classes": params["num_classes"], "iou_threshold": overlap, "stage": stage},
    }
    made = {
        **last,
        "inputs": {
            "images": "images",
            "features": "features",
            "boxes": {"training": f"{labels}.boxes", "inference": f"{before}.boxes"},
            "classes": {"training": f"{labels}.classes"},
            "matched_boxes": {"training": f"{labels}.matched_boxes"},
        },
        "params": {**params, "stage": stage, "bbox_reg_weights": weights},
    }
    return {labels: relabeled, f"stage{stage}": made}
