"""Says in a line why torch's exporter has no form of a program in ONNX."""

import re
from collections.abc import Iterator

import torch

_NODE = re.compile(
    r"translating node %(?P<name>\w+)\b.*?target=(?:torch\.ops\.)?(?P<target>[\w.]+)"
)
_DOTS = "__"  # stand for dots in the names of nodes' modules


def explain_failure(error: BaseException, program: torch.export.ExportedProgram) -> str:
    """Names the operation, the module that calls it, and the first cause.

    Args:
        error: what torch's exporter raised.
        program: what it was given.
    """
    causes = list(_list_causes(error))
    found = [match for each in causes if (match := _NODE.search(str(each)))]
    last = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    if not found:
        return f"torch has no form of it in ONNX: {last:.200}"
    name, target = found[-1]["name"], found[-1]["target"]
    place = _find_module(program, name, target)
    return f"torch has no form of {target}{f' in {place}' if place else ''} in ONNX: {last:.200}"


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _find_module(program: torch.export.ExportedProgram, name: str, target: str) -> str:
    """The module of an operation; an empty text if it is not known, as after decompositions."""
    for node in program.graph.nodes:
        if node.name == name and str(node.target).startswith(target.partition(".")[0]):
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            path = str(stack[-1][0]) if stack else ""
            return path.removeprefix("L['self'].").removeprefix("module.").replace(_DOTS, ".")
    return ""
