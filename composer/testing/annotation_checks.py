"""Checks of values against annotations, shapes of tensors included."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from jaxtyping import jaxtyped

from composer.node import describe_type, find_variables, meaning, members, substitute
from composer.testing.trial import Outcome, Trial
from composer.values import describe


def check_annotations(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """Yields inputs and outputs that do not match the signature.

    A letter stands for one size in all inputs and outputs, as in a checked call.
    """
    contract = trial.contract
    outputs = trial.name_outputs(outcome.value)
    if outputs is None:
        wanted = ", ".join(contract.outputs)
        yield f"it returns {_describe(outcome.value)}, not a named tuple of ({wanted})"
        return
    inputs = trial.copy_inputs()
    ports = [
        *((f"the input '{p}'", contract.inputs[p].type, value) for p, value in inputs.items()),
        *((_name_output(trial, p), contract.outputs[p], value) for p, value in outputs.items()),
    ]
    with jaxtyped("context"):
        misfits = [list(find_misfits(value, kind, name)) for name, kind, value in ports]
    for (name, kind, value), together in zip(ports, misfits, strict=True):
        alone = list(find_misfits(value, kind, name))
        yield from alone
        if together and not alone:
            yield f"{together[0]}: its letters stand for other sizes in the ports before it"
    yield from _check_variables(ports)


def _check_variables(ports: Sequence[tuple[str, Any, Any]]) -> Iterator[str]:
    """Yields the ports whose values are of another alternative of a type variable than before.

    Args:
        ports: (name, type, value) of each.
    """
    left: dict[TypeVar, tuple[Any, ...]] = {}
    for name, kind, value in ports:
        for variable in find_variables(kind):
            before = left.get(variable, variable.__constraints__)
            fitting = tuple(
                choice
                for choice in variable.__constraints__
                if not any(find_misfits(value, substitute(kind, {variable: choice}), name))
            )
            left[variable] = tuple(choice for choice in before if choice in fitting)
            if fitting and before and not left[variable]:
                yield (
                    f"{name} has {describe_type(fitting[0])} for {variable.__name__}, which the "
                    f"ports before it have {describe_type(before[0])} for"
                )


def find_misfits(value: object, annotation: Any, name: str) -> Iterator[str]:
    """Yields the parts of a value that do not match an annotation, each with its name.

    Args:
        value: anything.
        annotation: a type, as Python reads it from a signature.
        name: the name of the value.
    """
    bare = _strip(annotation)
    alternatives = members(bare)
    if len(alternatives) > 1:
        if all(any(find_misfits(value, one, name)) for one in alternatives):
            yield _tell(value, annotation, name)
        return
    bare = _strip(alternatives[0])  # of a type variable, its bound
    if bare is None:
        bare = type(None)
    origin = get_origin(bare) or bare
    if origin is Literal:
        if value not in get_args(bare):
            yield _tell(value, annotation, name)
    elif inspect.isclass(origin) and bare is not Any:
        if not isinstance(value, origin):
            yield _tell(value, annotation, name)
        else:
            yield from _member_misfits(value, get_args(bare), name)


def _member_misfits(value: Any, arguments: tuple[Any, ...], name: str) -> Iterator[str]:
    if not arguments:
        return
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from find_misfits(key, arguments[0], f"a key of {name}")
            yield from find_misfits(member, arguments[1], f"{name}[{key!r}]")
    elif isinstance(value, tuple) and arguments[-1] is not ...:
        if len(value) != len(arguments):
            yield f"{name} has {len(value)} members where {len(arguments)} are annotated"
            return
        for place, (member, argument) in enumerate(zip(value, arguments, strict=True)):
            yield from find_misfits(member, argument, f"{name}[{place}]")
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for place, member in enumerate(value):
            yield from find_misfits(member, arguments[0], f"{name}[{place}]")


def _strip(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _name_output(trial: Trial, port: str) -> str:
    return f"the output '{port}'" if trial.contract.named_outputs else "the output"


def _tell(value: object, annotation: Any, name: str) -> str:
    mark = meaning(annotation)
    wanted = _spell(_strip(annotation))
    wanted = wanted if mark is None else f"{mark.name}: {wanted}"
    return f"{name} is {_describe(value)}, but annotated as {wanted}"


def _describe(value: object) -> str:
    if value is None:
        return "None"
    kind, shown = type(value).__name__, describe(value)
    return f"a value of type {kind}" + ("" if shown == kind else f" ({shown})")


def _spell(annotation: Any) -> str:
    """The annotation as one would write it; a type with a meaning by its name."""
    mark, bare = meaning(annotation), _strip(annotation)
    if mark is not None:
        return mark.name
    if isinstance(bare, TypeVar):
        return " | ".join(map(_spell, members(bare)))
    arguments, origin = get_args(bare), get_origin(bare)
    if inspect.isclass(origin) and arguments and len(members(bare)) == 1:
        inside = ", ".join("..." if one is ... else _spell(one) for one in arguments)
        return f"{origin.__name__}[{inside}]"
    text = bare.__name__ if inspect.isclass(bare) else str(bare)
    return text.replace("typing.", "")
