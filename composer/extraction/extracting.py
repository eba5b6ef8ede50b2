"""`Graph.extract`: rows one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from composer.blueprint import Names
from composer.extraction.extractor import Extractor
from composer.extraction.image_names import list_sources
from composer.graph import Graph


def extract_rows(
    graph: Graph, images: Any, until: Names | None, per: str, **options: Any
) -> Iterator[dict[str, Any]]:
    """The rows of images; see `Graph.extract`.

    What is asked for is checked now, and not at the first row.
    """
    extractor = Extractor(graph, until, per, **options)
    sources = list_sources(images)
    return (row for rows in extractor.stream(sources) for row in rows)
