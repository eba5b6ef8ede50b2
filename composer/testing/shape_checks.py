"""Checks of declared output shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from composer.structures import ImageList, TensorShape
from composer.testing.trial import Outcome, Trial

Shape = TensorShape | Mapping[str, TensorShape]


def check_shapes(trial: Trial, function: Callable[..., Any], outcome: Outcome) -> Iterator[str]:
    """Yields differences between the first output and `output_shape`.

    Without one, the framework takes the output to have the shape of the only input of the same
    type, so the output is compared with that.
    """
    outputs = trial.name_outputs(outcome.value)
    if outputs is None:
        return
    first = outputs[trial.contract.first_output]
    seen = measure(first)
    declared = read_declared(function)
    if declared is not None:
        if not _is_shape(declared):
            kind = type(declared).__name__
            yield f"its output_shape is a {kind}, not a TensorShape or a dict of them by level"
        elif seen is not None:
            yield from compare_shapes(declared, seen, "output_shape says", "the output has")
            if not isinstance(first, ImageList):  # whose pixels are its own
                yield from _compare_strides(declared, seen, trial)
        return
    port = trial.contract.find_passing_port(trial.inputs)
    if port is None or seen is None:
        return
    given = measure(trial.inputs[port])
    if given is not None:
        said = f"without output_shape, the output is taken to have the shape of '{port}',"
        for difference in compare_shapes(given, seen, "with", "it has"):
            yield f"{said} {difference}"


def read_declared(function: Callable[..., Any]) -> Any:
    """The shape that a module declares for its output, or None."""
    declared = getattr(function, "output_shape", None)
    return declared() if callable(declared) else declared


def measure(value: object) -> Shape | None:
    """The shape of a value as far as it is one map, one list of rows or one map a level."""
    if isinstance(value, ImageList):
        return measure(value.tensor)
    if isinstance(value, Mapping):
        levels = {str(name): measure(level) for name, level in value.items()}
        return {
            name: shape for name, shape in levels.items() if isinstance(shape, TensorShape)
        } or None
    if not isinstance(value, Tensor) or value.ndim < 2:
        return None
    height, width = value.shape[-2:] if value.ndim == 4 else (None, None)
    return TensorShape(channels=value.shape[1], height=height, width=width)


def compare_shapes(said: Shape, seen: Shape, says: str, has: str) -> Iterator[str]:
    """Yields differences of channels, rows and columns between two shapes.

    Args:
        said: a shape; what it leaves open fits everything.
        seen: what was measured.
        says: the first words of a message, about the declared shape.
        has: the words before the measured shape.
    """
    if isinstance(said, TensorShape) and isinstance(seen, TensorShape):
        for aspect, noun in (("channels", "channels"), ("height", "rows"), ("width", "columns")):
            wanted, found = getattr(said, aspect), getattr(seen, aspect)
            if wanted is not None and wanted != found:
                yield f"{says} {wanted} {noun}, {has} {'none' if found is None else found}"
    elif isinstance(said, TensorShape) or isinstance(seen, TensorShape):
        yield f"{says} {_form(said)}, {has} {_form(seen)}"
    elif list(said) != list(seen):
        yield f"{says} levels {', '.join(said)}, {has} {', '.join(seen)}"
    else:
        for level, shape in said.items():
            yield from compare_shapes(shape, seen[level], f"'{level}': {says}", has)


def _compare_strides(declared: Shape, seen: Shape, trial: Trial) -> Iterator[str]:
    """Compares sizes of maps with the strides, give or take the cell that rounding makes."""
    pixels = _find_image_height(trial)
    if pixels is None:
        return
    for level, shape in _by_level(declared).items():
        found = _by_level(seen).get(level)
        if shape.stride is None or found is None or found.height is None:
            continue
        wanted = pixels / shape.stride
        if abs(found.height - wanted) > 1:
            name = f"'{level}': " if level else ""
            yield (
                f"{name}output_shape says a stride of {shape.stride}, which makes about "
                f"{wanted:.0f} rows of these inputs, the output has {found.height}"
            )


def _find_image_height(trial: Trial) -> int | None:
    """Rows of the images in pixels, from the finest input whose stride is known.

    Where several are as fine, as in an image pyramid, that of the largest image counts.
    """
    shapes = {port: trial.node.shapes.get(name) for name, port in trial.contract.shapes.items()}
    known: list[tuple[int, int]] = []
    for port, value in trial.inputs.items():
        seen = measure(value)
        said = TensorShape(stride=1) if isinstance(value, ImageList) else shapes.get(port)
        if seen is None or not _is_shape(said):
            continue
        for level, shape in _by_level(said).items():
            height = _by_level(seen).get(level, TensorShape()).height
            if shape.stride is not None and height is not None:
                known.append((shape.stride, height * shape.stride))
    finest = min(known, key=lambda one: (one[0], -one[1]), default=None)
    return None if finest is None else finest[1]


def _by_level(shape: Any) -> Mapping[str, TensorShape]:
    return {"": shape} if isinstance(shape, TensorShape) else shape


def _is_shape(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(shape, TensorShape) for shape in value.values())
    return isinstance(value, TensorShape)


def _form(shape: Shape) -> str:
    return "one map" if isinstance(shape, TensorShape) else f"levels {', '.join(shape)}"
