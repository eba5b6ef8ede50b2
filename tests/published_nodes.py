"""The sample node types, published by a distribution that is installed for a while.

Values of node types that no plugin publishes are not kept, so tests of the cache need these.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sample_nodes
from composer import Graph
from composer.discovery import forget_entry_points
from composer.value_cache import code_hashes

DISTRIBUTION, MODULE = "kept-nodes", "kept_nodes"


@contextmanager
def published_nodes(
    folder: Path,
    version: str = "1.0",
    *,
    source: str = "",
    added: Mapping[str, str] | None = None,
) -> Iterator[Path]:
    """Installs the sample nodes in a folder, which is on the path in the body of the `with`.

    Args:
        folder: the folder, which is made.
        version: of the distribution.
        source: code for the end of the module.
        added: attributes of this code by the names under which they are published.

    Yields:
        The module.
    """
    metadata = folder / f"{MODULE}-{version}.dist-info"
    metadata.mkdir(parents=True)
    described = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(described)
    names = {name: made.__name__ for name, made in sample_nodes.NODES.items()} | dict(added or {})
    lines = [f"{name} = {MODULE}:{attribute}" for name, attribute in names.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[composer.nodes]", *lines, ""]))
    module = folder / f"{MODULE}.py"
    module.write_text(Path(sample_nodes.__file__).read_text() + source)
    time.sleep(0.02)  # what changes at the moment of its import may be another text
    sys.path.insert(0, str(folder))
    forget_entry_points()
    code_hashes._describe_all.cache_clear()
    code_hashes._describe_package.cache_clear()  # of the same name in another test
    try:
        yield module
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(MODULE, None)
        forget_entry_points()


def qualified(document: Any) -> Any:
    """A spec whose node types are those of the distribution."""
    if isinstance(document, list):
        return [qualified(item) for item in document]
    if not isinstance(document, dict):
        return document
    found = {key: qualified(item) for key, item in document.items()}
    if isinstance(uses := found.get("uses"), str) and "/" not in uses:
        found["uses"] = f"{DISTRIBUTION}/{uses}"
    return found


def build(document: Any, **options: Any) -> Graph:
    """The graph of a spec of sample nodes, as published ones."""
    return Graph.from_spec(qualified(document), **options)
