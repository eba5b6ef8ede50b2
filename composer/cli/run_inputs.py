"""The inputs of a run, read from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from composer.blueprint import Blueprint, GraphInput, Plan, Target
from composer.cli.options import split_assignment
from composer.data import find_images, read_image
from composer.discovery import shipped_folder
from composer.errors import InputError
from composer.graph import read_inputs
from composer.language import ImageFormat, InputSpec, Mode
from composer.storage import fit_value, is_tensor_file, make_records, read_tensors

EXAMPLE = "astronaut.jpg"  # a photograph that ships


def read_feeds(files: Mapping[str, str], blueprint: Blueprint, mode: Mode) -> dict[str, Any]:
    """The values that are fed, plain tensors in them made what the ports expect.

    Args:
        files: files by node or port.
        blueprint: the checked spec.
        mode: the mode of the run.

    Raises:
        NameResolutionError: if a name means nothing, or several things.
        InputError: if a file cannot be read.
    """
    book = blueprint.book(mode)
    return {
        name: _fit_feed(read_tensors(file), book.resolve(name), blueprint, mode)
        for name, file in files.items()
    }


def _fit_feed(value: Any, target: Target, blueprint: Blueprint, mode: Mode) -> Any:
    types = blueprint.dependencies(mode)
    by_port = {slot.port: slot for slot in blueprint.book(mode).fed_slots(target)}
    if len(by_port) > 1 and isinstance(value, Mapping) and by_port.keys() >= value.keys():
        return {
            port: fit_value(part, port, types.type_of(by_port[port]))
            for port, part in value.items()
        }
    if isinstance(value, tuple):
        return value
    return fit_value(value, target.slot.port, types.type_of(target.slot))


def assign_files(texts: Sequence[str], blueprint: Blueprint, plan: Plan) -> dict[str, list[str]]:
    """The files of each input that the plan reads; examples where none is given.

    They are the spec's, else, of images without ground truth, the one that ships.

    Args:
        texts: files, some as `NAME=FILE`.
        blueprint: the checked spec.
        plan: the plan.

    Raises:
        InputError: if it is not clear which input a file is for.
    """
    given: dict[str, list[str]] = {}
    for text in texts:
        name, file = split_assignment(text)
        if name not in blueprint.inputs[plan.mode]:
            name, file = _only_input(text, blueprint, plan), text
        given.setdefault(name, []).append(file)
    declared = blueprint.spec.graph.inputs
    files: dict[str, list[str]] = {}
    for name in plan.inputs:
        example = declared[name].example
        if name in given:
            files[name] = given[name]
        elif example is not None:
            files[name] = [str(example)]
        elif plan.mode == "inference" and takes_images(blueprint.inputs[plan.mode][name]):
            files[name] = [str(shipped_folder("specs") / "examples" / EXAMPLE)]
    return files


def takes_images(point: GraphInput) -> bool:
    """Whether an input is a batch of images."""
    return hasattr(point.type, "from_records")


class ReadInputs(NamedTuple):
    """Values of inputs.

    Args:
        values: by input.
        left_out: the errors of images that cannot be read.
    """

    values: dict[str, Any]
    left_out: list[InputError]


def read_input_files(
    files: Mapping[str, Sequence[str]],
    blueprint: Blueprint,
    plan: Plan,
    sample_range: tuple[float, float] | None = None,
) -> ReadInputs:
    """The values of inputs. Images that cannot be read are left out where others can be.

    Args:
        files: files by input.
        blueprint: the checked spec.
        plan: the plan.
        sample_range: the samples that are black and white in images of more than 8 bits.

    Raises:
        InputError: if no file of an input can be read, one is of a kind that its input does not
            take, or lacks something that the plan reads.
    """
    declared = blueprint.spec.graph.inputs
    read = ReadInputs({}, [])
    for name, paths in files.items():
        point = blueprint.inputs[plan.mode][name]
        read.values[name] = _read(declared[name], point, paths, sample_range, read.left_out)
    _check(read.values, blueprint, plan)
    return read


def _check(values: Mapping[str, Any], blueprint: Blueprint, plan: Plan) -> None:
    """Finds what is missing in the inputs before anything is built."""
    try:
        read_inputs(blueprint.inputs[plan.mode], plan, values)
    except InputError as error:
        if plan.mode != "training":
            raise
        hint = "Training needs ground truth: give --input a saved batch whose records have it."
        raise InputError(f"{error}\n{hint}") from error


def _only_input(text: str, blueprint: Blueprint, plan: Plan) -> str:
    """The input that a file without a name is for."""
    names = list(blueprint.inputs[plan.mode])
    needed = list(plan.inputs)
    for candidates in (names, needed):
        if len(candidates) == 1:
            return candidates[0]
    if not names:
        raise InputError(f"--input {text}: the graph takes no input")
    listing = ", ".join(names)
    raise InputError(f"--input {text}: the graph has the inputs {listing}; write NAME={text}")


def _read(
    declared: InputSpec,
    point: GraphInput,
    paths: Sequence[str],
    sample_range: tuple[float, float] | None,
    left_out: list[InputError],
) -> Any:
    """One input: a type that is made of records takes images, any other takes tensors only."""
    if not hasattr(point.type, "from_records"):
        return _read_tensors(declared.name, point, paths)
    records: list[Any] = []
    errors: list[InputError] = []
    for path in paths:
        if is_tensor_file(path):
            found = make_records(read_tensors(path), declared.name)
            if isinstance(found, (str, Mapping)) or not hasattr(found, "__iter__"):
                raise InputError(f"{path}: a {type(found).__name__} is no list of records")
            records.extend(found)
        else:
            records.extend(_read_images(path, declared.image, sample_range, errors))
    if errors and not records:
        raise InputError("\n".join(map(str, errors)))
    left_out += errors
    return records


def _read_images(
    path: str,
    image_format: ImageFormat,
    sample_range: tuple[float, float] | None,
    errors: list[InputError],
) -> Iterator[dict[str, Any]]:
    for file in find_images(path):
        try:
            yield read_image(file, image_format, sample_range)
        except InputError as error:
            errors.append(error)


def _read_tensors(name: str, point: GraphInput, paths: Sequence[str]) -> Any:
    if len(paths) > 1:
        raise InputError(f"input '{name}' takes one file, not {len(paths)}")
    if not is_tensor_file(paths[0]):
        raise InputError(f"{paths[0]}: input '{name}' takes a file of tensors, not an image")
    return fit_value(read_tensors(paths[0]), name, point.type)
