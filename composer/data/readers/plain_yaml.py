"""YAML of other tools. Every value is the text that is written: a class may be called `no`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml

_LONGEST = 2**20  # characters; a thousand names of classes take 30,000


def parse_plain_yaml(text: str) -> Any:
    """Texts, lists and mappings.

    Args:
        text: the document.

    Raises:
        ValueError: it is no YAML, has a key twice, is too deep, or longer than any description of
            a dataset.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it has {len(text)} characters, and descriptions have {_LONGEST} at most")
    try:
        return yaml.load(text, Loader=_TextLoader)  # noqa: S506 - texts only
    except RecursionError:
        raise ValueError("it is too deep") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


class _TextLoader(yaml.BaseLoader):
    """Reads every value as text; a key that occurs twice in a mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The values of a mapping by key."""
        counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, count in counts.items():
            if count > 1:
                problem = f"the key {key!r:.60} occurs {count} times"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)
