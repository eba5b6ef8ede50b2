"""From a lazy configuration's semantic and panoptic segmentation to addresses of ours."""

from __future__ import annotations

from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.calls import Call, read_call
from composer.importing.lazy.carrying import carry, carry_value
from composer.importing.lazy.lazy_model import LazyModel
from composer.importing.lazy.levels import Levels


def translate_semantics(call: Call, draft: Draft, levels: Levels) -> None:
    """Sets the head for semantic segmentation."""
    head = call.call("sem_seg_head", "SemSegFPNHead")
    if head is None:
        return
    carry(head, draft, tables.SEMANTIC)
    named = _read_shapes(head, levels)
    if named:
        carry_value(head, "input_shape", draft, "sem_seg_head.in_features", named)


def _read_shapes(head: Call, levels: Levels) -> list[str]:
    """The levels that a head's mapping of shapes names, finest first."""
    shapes = head.arguments.get("input_shape")
    head.take("input_shape")
    if shapes is None:
        return []
    for name, element in shapes.value.items():
        key = f"{head.key_of('input_shape')}.{name}"
        shape = read_call(element, key, head.config, "ShapeSpec")
        if name not in levels.strides and levels.names:
            names = ", ".join(levels.names)
            head.config.note(key, f"{key}: there is no level {name!r}; there are {names}")
        for argument, known in (("stride", levels.strides), ("channels", levels.channels)):
            if shape is not None and name in known:
                value = shape.take(argument)
                if value not in (None, known[name]):
                    shape.refuse(argument, f"{known[name]} was expected: the backbone has it")
    return sorted(shapes.value, key=lambda name: levels.strides.get(name, 0))


def translate_panoptic(model: LazyModel, draft: Draft) -> None:
    """Sets how instances and pixels are combined."""
    if model.has_masks:
        carry(model.call, draft, tables.PANOPTIC)
        return
    draft.drop_node("panoptic")
    draft.put_output("inference", "panoptic_seg", None)
    for argument in tables.PANOPTIC:
        model.call.drop(argument, "without masks, nothing is combined")
