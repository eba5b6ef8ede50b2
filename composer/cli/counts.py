"""Numbers of things in words."""

from __future__ import annotations


def count_things(count: int, noun: str, ending: str = "s") -> str:
    """`1 image`, `3 images`, `2 classes`.

    Args:
        count: how many there are.
        noun: what one is called.
        ending: what is added for more.
    """
    return f"{count} {noun}{'' if count == 1 else ending}"
