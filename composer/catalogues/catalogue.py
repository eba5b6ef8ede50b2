"""A catalogue of published models, and an entry of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from composer.catalogues.entry_form import EntryForm
from composer.discovery import find_published
from composer.language import LANGUAGE_VERSION, SpecMetadata, load_spec

_BATCH = "batch"


@dataclass(frozen=True)
class Entry:
    """A published model.

    Attributes:
        catalogue: the name of its catalogue, qualified if a bare one does not mean it.
        distribution: the distribution that publishes the catalogue.
        form: what the catalogue says of it.
        weights: the address of its checkpoint.
    """

    catalogue: str
    distribution: str
    form: EntryForm
    weights: str

    @property
    def name(self) -> str:
        """Its full name: `catalogue/SECTION/NAME`."""
        return f"{self.catalogue}/{self.form.name}"

    @property
    def qualified(self) -> str:
        """The name that means this model whatever is installed: `distribution/catalogue/...`."""
        catalogue = self.catalogue.rpartition("/")[2]
        return f"{self.distribution}/{catalogue}/{self.form.name}"

    @cached_property
    def spec(self) -> str | None:
        """The qualified name of its spec; None if there is none yet."""
        found = find_published(self.form.spec or "", self.distribution)
        return None if found is None or self.form.spec is None else found.qualified

    @cached_property
    def metadata(self) -> SpecMetadata:
        """Its names of classes and keypoints.

        Raises:
            SpecError: they cannot be read.
        """
        return load_spec(self._describe_names()).metadata

    @property
    def num_classes(self) -> int | None:
        """The number of its classes, things and stuff; None if they have no names.

        The stuff class that stands for all things is none.
        """
        found = self.metadata
        stuff = [name for name in found.stuff_classes if name != "things"]
        things = [name for name in found.thing_classes if not name.startswith("unused ")]
        only_stuff = self.form.task == "semantic segmentation"
        count = len(stuff) + (0 if only_stuff else len(things))
        return count or None

    @cached_property
    def document(self) -> Mapping[str, Any] | None:
        """Its spec with its settings and names, as a document; None if there is none yet."""
        if self.spec is None:
            return None
        form = self.form
        found: dict[str, Any] = {
            "composer": LANGUAGE_VERSION,
            "name": form.name.rpartition("/")[2],
            "doc": f"{self.name}, as its catalogue describes it.",
            "extends": [self.spec, *([self._qualify(form.names)] if form.names else [])],
            "params": form.params,
            "inputs": {_BATCH: {"image": form.image}} if form.image else {},
            "set": form.set,
            "nodes": self._qualify_nodes(form.nodes),
            "metadata": form.metadata,
        }
        return {key: value for key, value in found.items() if value or key == "nodes"}

    def _describe_names(self) -> dict[str, Any]:
        names = {"extends": self._qualify(self.form.names)} if self.form.names else {}
        return {
            "composer": LANGUAGE_VERSION,
            "name": "names",
            "nodes": {},
            "metadata": self.form.metadata,
            **names,
        }

    def _qualify(self, spec: str) -> str:
        """The name of a spec that means the same wherever it is written."""
        if "${" in spec:  # the spec's params complete it
            return f"{self.distribution}/{spec}"
        found = find_published(spec, self.distribution)
        return spec if found is None else found.qualified

    def _qualify_nodes(self, nodes: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {
                key: self._qualify(value)
                if key == "spec"
                else self._qualify_nodes(value)
                if key == "nodes"
                else value
                for key, value in node.items()
            }
            for name, node in nodes.items()
        }


@dataclass(frozen=True)
class Catalogue:
    """A catalogue.

    Attributes:
        name: what the names of its entries begin with; `distribution/name` if the bare name does
            not mean it.
        distribution: the distribution that publishes it.
        source: where its models are from.
        licence: of the weights; empty if it is unknown.
        entries: its models.
    """

    name: str
    distribution: str
    source: str
    licence: str
    entries: tuple[Entry, ...]
