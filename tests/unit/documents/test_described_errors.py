"""Errors of pydantic about lists and mappings are told in plain words."""

import json
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from composer.documents.validation import describe_errors


class Model(BaseModel):
    several: Annotated[list[int], Field(min_length=2)] = [1, 2]
    one: Annotated[list[int], Field(max_length=1)] = []
    pair: tuple[int, int] = (1, 2)
    mapping: Annotated[dict[str, int], Field(min_length=1)] = {}
    unlike: set[int] = set()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"several": [1]}, "should have at least 2 items, and has 1"),
        ({"several": []}, "should have at least 2 items, and has none"),
        ({"several": 3}, "should be a list, not 3"),
        ({"one": [1, 2]}, "should have at most 1 item, and has 2"),
        ({"pair": [1, 2, 3]}, "should have at most 2 items, and has 3"),
        ({"mapping": {}}, "should have at least 1 entry, and has none"),
        ({"unlike": 3}, "should be a list, not 3"),
    ],
)
def test_lengths_and_lists_are_told_in_plain_words(document, message):
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(json.dumps(document), strict=True)
    assert describe_errors(caught.value.errors()) == message
