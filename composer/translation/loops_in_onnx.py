"""Bodies of loops in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from composer.translation.publishing import Value

Declared = tuple[str, int, Sequence[int | str]]  # name, ONNX's number of the dtype, shape

BOOL, DOUBLE, FLOAT, INT32, INT64 = 9, 11, 1, 6, 7


def build_body(
    op: Value,
    step: Callable[..., Sequence[Value]],
    inputs: Sequence[Declared],
    outputs: Sequence[Declared],
) -> Value:
    """Builds the body of a `Loop`.

    Args:
        op: the builder.
        step: gets a builder of its own, the number of the turn, whether to go on, and the state;
            returns whether to go on, the state, and what the turn gives.
        inputs: the state.
        outputs: the state, and what every turn gives.
    """
    import onnx_ir as ir

    def declare(name: str, dtype: int, shape: Sequence[int | str]) -> Value:
        kind = ir.TensorType(ir.DataType(dtype))
        return ir.Value(name=name, type=kind, shape=ir.Shape(shape))

    def trace(inner: Value, *values: Value) -> Sequence[Value]:
        before = ir.set_value_magic_handler(inner)
        try:
            return step(inner, *values)
        finally:
            ir.set_value_magic_handler(before)

    entering = [("turn", INT64, ()), ("is_going", BOOL, ()), *inputs]
    leaving = [("goes_on", BOOL, ()), *outputs]
    return op.builder.subgraph(
        trace,
        inputs=[declare(*each) for each in entering],
        outputs=[declare(*each) for each in leaving],
        name="body",
    )
