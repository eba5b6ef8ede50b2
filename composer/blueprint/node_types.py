"""Finds what the node types of a spec mean, each by the document in which its name is written."""

from __future__ import annotations

from collections.abc import Mapping

from composer.blueprint.nodes import Node
from composer.discovery import Homes
from composer.documents import Place, ProblemLog
from composer.errors import ComposerError, MissingPluginError, NameResolutionError
from composer.language import SavedSpec, Spec
from composer.registry import Found, Registry

_MAX_NAMED = 8
_MAX_GUESSES = 200  # unknown names of which a known one is searched that is alike


class NodeTypes:
    """What the names of node types mean in a spec.

    A distribution that is not installed is one problem, however many nodes need it.

    Args:
        registry: the node types.
        saved: the file that the spec was saved in, if it was.

    Attributes:
        notes: remarks on names that others publish, too, each once.
    """

    def __init__(self, registry: Registry, saved: SavedSpec | None = None) -> None:
        self.registry, self._saved = registry, saved
        self._homes = Homes.installed()
        self._notes: dict[str, str] = {}
        self._unknown: dict[tuple[str, str | None], str] = {}
        self._missing: dict[str, tuple[Place, MissingPluginError, list[str]]] = {}

    @property
    def saved_in(self) -> str | None:
        """The checkpoint that the spec was saved in; None for a spec of its own."""
        return None if self._saved is None else self._saved.file

    @property
    def notes(self) -> list[str]:
        """Remarks on names that others publish, too, each once."""
        return list(self._notes.values())

    def find(self, uses: str, written_in: str) -> Found:
        """What a name means in a document.

        Raises:
            ComposerError: as `Registry.find`.
        """
        is_saved = self._saved is not None and written_in == self._saved.file
        if is_saved and "/" not in uses and uses not in self.registry.local:
            raise NameResolutionError(
                f"node type '{uses}' is of no distribution: it was given in Python when the file "
                f"was saved, as nodes={{'{uses}': ...}}. Give it again"
            )
        return self._find(uses, self._homes.find(written_in))

    def _find(self, uses: str, home: str | None) -> Found:
        """What a name means; one that is unknown is searched for once, and thousands are not."""
        if (message := self._unknown.get((uses, home))) is not None:
            raise NameResolutionError(message)
        has_guesses = len(self._unknown) < _MAX_GUESSES
        try:
            return self.registry.find(uses, home, has_guesses=has_guesses)
        except NameResolutionError as error:
            self._unknown[uses, home] = str(error)
            raise

    def find_all(self, nodes: Mapping[str, Node], log: ProblemLog) -> dict[str, Found]:
        """What the node types of nodes mean, by path.

        Args:
            nodes: the nodes by path.
            log: takes names that mean nothing.
        """
        found = {path: self._find_noting(node, log) for path, node in nodes.items()}
        for place, error, paths in self._missing.values():
            # What is missing leads; where lines are, they show the first node.
            where = place if place.line else place._replace(pointer="")
            log.add(where, _describe_missing(error, paths), self._list_installed())
        self._missing.clear()
        return {path: one for path, one in found.items() if one is not None}

    def find_names(self, spec: Spec) -> dict[str, str]:
        """The qualified node type of each node of a spec by path, as far as it has one."""
        qualified: dict[str, str] = {}
        for path, node in spec.graph.walk():
            if node.uses is not None:
                try:
                    qualified[path] = self.find(node.uses, node.written_in).qualified
                except ComposerError:
                    continue  # a node that exists in no mode
        return qualified

    def _find_noting(self, node: Node, log: ProblemLog) -> Found | None:
        if not node.uses:
            return None  # a `same_as` that leads nowhere, noted already
        try:
            found = self.find(node.uses, node.written_in)
        except MissingPluginError as error:
            first = (node.uses_place, error, list[str]())
            self._missing.setdefault(error.distribution, first)[2].append(node.path)
            return None
        except ComposerError as error:
            log.add(node.uses_place, str(error))
            return None
        if found.note:
            self._notes.setdefault(node.uses, f"{node.uses_place}: {found.note}")
        return found

    def _list_installed(self) -> str:
        origins = sorted({each.origin for each in self.registry.publications})
        return f"Node types are installed of: {', '.join(origins) or 'no distribution'}."


def _describe_missing(error: MissingPluginError, paths: list[str]) -> str:
    if len(paths) == 1:
        return str(error)
    more = ", ..." if len(paths) > _MAX_NAMED else ""
    named = f"{', '.join(paths[:_MAX_NAMED])}{more}"
    return f"{error}; {len(paths)} nodes have their types from it: {named}"
