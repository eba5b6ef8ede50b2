"""Gives the last layers of `people` rows for other objects, or takes these rows away.

    python models/people/object_rows.py add PEOPLE.safetensors NANODET.json TARGET.safetensors
    python models/people/object_rows.py remove OBJECTS.safetensors TARGET.safetensors

With them the region heads have two classes, `person` and `object`, and the dense head those of
NanoDet-g. NANODET.json is its export for TensorFlow.js.
"""

import argparse
from pathlib import Path

import torch
from nanodet_layers import NUM_CLASSES, read_weights, rename
from safetensors.torch import load_file, save_file
from torch import Tensor

_DENSE_HEAD = "proposal_generator.head."
_CLASSIFIERS = ".cls_score."
_MASK_PREDICTOR = "roi_heads.mask_head.predictor."
_OBJECT_SHARE = 0.15


def add_rows(state: dict[str, Tensor], nanodet: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights for two classes.

    The logit of an object begins as the mean of the other two, its mask as that of a person.

    Args:
        state: weights for people alone.
        nanodet: those of NanoDet-g with all classes.
    """
    wide = {}
    for name, values in state.items():
        if name.startswith(_DENSE_HEAD):
            values = torch.cat([values[:1], nanodet[name][1:NUM_CLASSES], values[1:]])
        elif _CLASSIFIERS in name:
            values = torch.stack([values[0], values.mean(dim=0), values[1]])
        elif name.startswith(_MASK_PREDICTOR):
            values = torch.cat([values, values])
        wide[name] = values
    return wide


def remove_rows(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights for people alone.

    The background is what was background or object. Its logit is a weighted mean of theirs, whose
    weights were chosen on held-out images.

    Args:
        state: weights for two classes.
    """
    narrow = {}
    for name, values in state.items():
        if name.startswith(_DENSE_HEAD):
            values = torch.cat([values[:1], values[NUM_CLASSES:]])
        elif _CLASSIFIERS in name:
            background = torch.lerp(values[2], values[1], _OBJECT_SHARE)
            values = torch.stack([values[0], background])
        elif name.startswith(_MASK_PREDICTOR):
            values = values[:1]
        narrow[name] = values.contiguous()
    return narrow


def read_arguments() -> argparse.Namespace:
    """Returns the action and its files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for action, files in (
        ("add", ["source", "nanodet", "target"]),
        ("remove", ["source", "target"]),
    ):
        names = actions.add_parser(action)
        for name in files:
            names.add_argument(name, type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    files = read_arguments()
    state = {name: values.float() for name, values in load_file(files.source).items()}
    if files.action == "add":
        found = add_rows(state, rename(read_weights(files.nanodet), NUM_CLASSES))
    else:
        found = remove_rows(state)
    files.target.parent.mkdir(parents=True, exist_ok=True)
    save_file(found, files.target)
