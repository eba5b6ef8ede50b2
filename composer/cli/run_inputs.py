"""The inputs of a run, read from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.cli.options import split_assignment
from composer.cli.run_plan import RunPlan
from composer.data import read_images
from composer.errors import InputError
from composer.graph.inputs import read_inputs
from composer.language import InputSpec
from composer.plan import InputPoint
from composer.storage import fit_value, make_records, read_tensors
from composer.storage.tensor_files import is_tensor_file


def assign_files(texts: Sequence[str], run_plan: RunPlan) -> dict[str, list[str]]:
    """The files of each input that the plan reads; the spec's examples where none is given.

    Args:
        texts: files, some as `NAME=FILE`.
        run_plan: the plan.

    Raises:
        InputError: if it is not clear which input a file is for.
    """
    given: dict[str, list[str]] = {}
    for text in texts:
        name, file = split_assignment(text)
        if name not in run_plan.wiring.inputs:
            name, file = _only_input(text, run_plan), text
        given.setdefault(name, []).append(file)
    declared = run_plan.blueprint.spec.graph.inputs
    files: dict[str, list[str]] = {}
    for name in run_plan.plan.inputs:
        example = declared[name].example
        if name in given:
            files[name] = given[name]
        elif example is not None:
            files[name] = [str(example)]
    return files


def read_input_files(files: Mapping[str, Sequence[str]], run_plan: RunPlan) -> dict[str, Any]:
    """The values of inputs.

    Args:
        files: files by input.
        run_plan: the plan.

    Raises:
        InputError: if a file cannot be read, is of a kind that its input does not take, or lacks
            something that the plan reads.
    """
    declared = run_plan.blueprint.spec.graph.inputs
    values = {
        name: _read(declared[name], run_plan.wiring.inputs[name], paths)
        for name, paths in files.items()
    }
    _check(values, run_plan)
    return values


def _check(values: Mapping[str, Any], run_plan: RunPlan) -> None:
    """Finds what is missing in the inputs before anything is built."""
    try:
        read_inputs(run_plan.wiring, run_plan.plan, values)
    except InputError as error:
        if run_plan.plan.mode != "training":
            raise
        hint = "Training wants ground truth: give --input a saved batch whose records have it."
        raise InputError(f"{error}\n{hint}") from error


def _only_input(text: str, run_plan: RunPlan) -> str:
    """The input that a file without a name is for."""
    names = list(run_plan.wiring.inputs)
    wanted = list(run_plan.plan.inputs)
    for candidates in (names, wanted):
        if len(candidates) == 1:
            return candidates[0]
    if not names:
        raise InputError(f"--input {text}: the graph takes no input")
    listing = ", ".join(names)
    raise InputError(f"--input {text}: the graph has the inputs {listing}; write NAME={text}")


def _read(declared: InputSpec, point: InputPoint, paths: Sequence[str]) -> Any:
    """One input: a type that is made of records takes images, any other takes tensors only."""
    if not hasattr(point.type, "from_records"):
        return _read_tensors(declared.name, point, paths)
    records: list[Any] = []
    for path in paths:
        if is_tensor_file(path):
            found = make_records(read_tensors(path), declared.name)
            if isinstance(found, (str, Mapping)) or not hasattr(found, "__iter__"):
                raise InputError(f"{path}: a {type(found).__name__} is no list of records")
            records.extend(found)
        else:
            records.extend(read_images(path, declared.image))
    return records


def _read_tensors(name: str, point: InputPoint, paths: Sequence[str]) -> Any:
    if len(paths) > 1:
        raise InputError(f"input '{name}' takes one file, not {len(paths)}")
    if not is_tensor_file(paths[0]):
        raise InputError(f"{paths[0]}: input '{name}' takes a file of tensors, not an image")
    return fit_value(read_tensors(paths[0]), name, point.type)
