r"""Characters that no document may hold, written plainly or as an escape.

YAML allows printable characters only (1.2, section 5.1), and an escape such as `"\ud800"` or
`"\0"` would bring in what no file name, message or JSON document can hold.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # YAML 1.2, [1]
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def find_forbidden(text: str) -> int | None:
    """The position of the first character that no document may hold; None if there is none."""
    found = _FORBIDDEN.search(text)
    return None if found is None else found.start()


def describe_forbidden(character: str) -> str:
    """The message about such a character."""
    return f"the character U+{ord(character):04X} may not stand in YAML"


def join_surrogates(text: str) -> str:
    """The text with pairs of surrogates, as JSON escapes them, as the characters they stand for."""
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
