"""What a lazy configuration says beside its model: images in inference, classes, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.importing.draft import Draft
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import set_value
from composer.importing.lazy.elements import Element
from composer.importing.lazy.lazy_config import LazyConfig
from composer.importing.lazy.lazy_model import LazyModel
from composer.importing.names import find_names_of

_ORDERS = ("BGR", "RGB")
_LOADER = "dataloader.test"
_FORMAT = f"{_LOADER}.mapper.image_format"
_AUGMENTATIONS = f"{_LOADER}.mapper.augmentations"
_DATASETS = (f"{_LOADER}.dataset.names", "dataloader.train.dataset.names")
_CHECKPOINT = "train.init_checkpoint"
_RESIZE = "ResizeShortestEdge"


def translate_images(call: Call, draft: Draft) -> None:
    """Sets normalisation, channel order and size of images."""
    config = call.config
    mean, std = call.take("pixel_mean"), call.take("pixel_std")
    set_value(draft, "preprocess.pixel_mean", mean)
    set_value(draft, "preprocess.pixel_std", std)
    if len(mean) != len(std):
        call.refuse("pixel_std", "pixel_mean has another number of channels")
    _translate_order(call, draft)
    _translate_size(config, draft)
    if "vis_period" in call.signature:
        call.drop("vis_period", "how it runs")


def _translate_order(call: Call, draft: Draft) -> None:
    """Sets the order that images are read in: the loader's, or else what the model calls it."""
    config = call.config
    order: Any = None
    if "input_format" in call.signature:
        order = call.take("input_format")
        if order is not None:
            call.require("input_format", *_ORDERS)
    loaded = _read(config, _FORMAT)
    if isinstance(loaded, str):
        config.use(_FORMAT)
        if loaded not in _ORDERS:
            config.refuse(_FORMAT, loaded, "only 'BGR' or 'RGB' can be expressed")
        order = loaded
    if order is None:
        config.assume(
            call.key_of("pixel_mean"),
            "taken to be in the order BGR, as nothing says how images are read",
        )
        order = "BGR"
    draft.set_image("channel_order", order)


def _translate_size(config: LazyConfig, draft: Draft) -> None:
    """Sets the size that the loader of the test gives to images."""
    found = config.find(_AUGMENTATIONS)
    items = found.value if found is not None and isinstance(found.value, list) else []
    resizes = [(i, item) for i, item in enumerate(items) if _target(item).endswith(_RESIZE)]
    if len(resizes) != 1 or len(items) != 1:
        return
    index, resize = resizes[0]
    key = f"{_AUGMENTATIONS}[{index}]"
    shortest, longest = (_plain(resize, name) for name in ("short_edge_length", "max_size"))
    if isinstance(shortest, list) and len(set(shortest)) == 1:
        shortest = shortest[0]
    if not isinstance(shortest, int) or isinstance(shortest, bool) or shortest < 1:
        return
    config.use(f"{key}._target_")
    config.use(f"{key}.short_edge_length")
    config.use(f"{key}.max_size")
    draft.set_image("shortest_edge", shortest)
    draft.set_image("longest_edge", longest if isinstance(longest, int) else 0)


def find_class_names(config: LazyConfig, model: LazyModel) -> str | None:
    """The block with the names of the classes of the dataset, if it is known and has as many."""
    holder = model.heads if model.heads is not None else model.call
    num_things = holder.take("num_classes") if "num_classes" in holder.signature else None
    num_stuff = None
    if model.has_semantics:
        head = model.call.call("sem_seg_head", "SemSegFPNHead")
        num_stuff = head.take("num_classes") if head is not None else None
    for key in _DATASETS:
        names = _read(config, key)
        first = names[0] if isinstance(names, list) and names else names
        if isinstance(first, str):
            config.use(key)
            return find_names_of(first, num_things, num_stuff)
    return None


def translate_weights(config: LazyConfig, draft: Draft) -> None:
    """Names a checkpoint that is there; others are for `--weights`."""
    file = _read(config, _CHECKPOINT)
    if not isinstance(file, str) or not file or "://" in file:
        config.drop(_CHECKPOINT, "which checkpoint to begin with: --weights")
    elif Path(file).is_file():
        config.use(_CHECKPOINT)
        draft.weights = file
    else:
        config.drop(_CHECKPOINT, "there is no such file here: --weights")


def _read(config: LazyConfig, key: str) -> Any:
    found = config.find(key)
    return found.plain() if found is not None else None


def _target(element: Element) -> str:
    target = _plain(element, "_target_")
    return target if isinstance(target, str) else ""


def _plain(element: Element, name: str) -> Any:
    found = element.value.get(name) if isinstance(element.value, dict) else None
    return found.plain() if found is not None else None
