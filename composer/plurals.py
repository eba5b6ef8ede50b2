"""Counts of things in words: `1 person`, `3 people`, `2 wine glasses`."""

from __future__ import annotations

import re

# Endings that have plurals of their own, from the class names of COCO, LVIS and Pascal VOC.
_IRREGULAR = {
    "person": "people",
    "man": "men",
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "mouse": "mice",
    "knife": "knives",
    "life": "lives",
    "leaf": "leaves",
    "loaf": "loaves",
    "shelf": "shelves",
    "scarf": "scarves",
    "wolf": "wolves",
    "calf": "calves",
}
_UNCHANGED = ("sheep", "fish", "deer", "aircraft", "broccoli", "skis", "scissors", "people")
_O_WITH_ES = ("potato", "tomato", "mosquito", "mango", "buffalo")
_ENGLISH = re.compile(r"[a-z]+(?:[ -][a-z]+)*")


def count_noun(count: int, noun: str) -> str:
    """A count and its noun, in the plural if there are several.

    A name that is no English noun by its letters (`RBC`, `class 3`, `voiture_1`) stays as it is:
    `3 x RBC`.

    Args:
        count: the number of things.
        noun: the singular.
    """
    if count == 1:
        return f"1 {noun}"
    if not _ENGLISH.fullmatch(noun):
        return f"{count} x {noun}"
    return f"{count} {_pluralize(noun)}"


def _pluralize(noun: str) -> str:
    if noun.endswith(_UNCHANGED):
        return noun
    for ending, plural in _IRREGULAR.items():
        if re.search(rf"(?:^|[ -]){ending}$", noun) or (ending == "man" and noun.endswith("woman")):
            return noun[: -len(ending)] + plural
    if noun.endswith(("s", "x", "z", "ch", "sh")) or noun.endswith(_O_WITH_ES):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"
