"""Errors cross process borders whole, whatever they are made from."""

import pickle

import pytest

from composer import errors
from composer.documents import Place, Problem

PLACE = Place("spec.yaml", 3, 5, 4, "  a: word")


@pytest.mark.parametrize(
    "error",
    [
        errors.ComposerError("text"),
        errors.SpecError([Problem(PLACE, "wrong", "a way out"), Problem(Place("--set"), "wrong")]),
        errors.NameResolutionError("text"),
        errors.ContractError("text"),
        errors.ExecutionError("g.a", "text"),
        errors.ExecutionError(path="g.a", message="text"),
        errors.ConformanceError("subject", ["one", "two"]),
    ],
)
def test_an_error_can_be_pickled(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("problems", "path", "reasons"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_the_tree_in_the_docstring_is_the_tree():
    listing = [line for line in errors.__doc__.splitlines() if "Error" in line]
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    named = {line.strip("│├└─ ").split()[0] for line in listing}
    assert named == {kind.__name__ for kind in classes if issubclass(kind, errors.ComposerError)}
