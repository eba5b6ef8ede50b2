"""Keys of values: hashes of all that decides them, computed from the given values alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from composer.blueprint import Endpoint, Node, Slot, Step
from composer.executor import Placement, derive_seed, is_random
from composer.language import Mode
from composer.value_cache.code_hashes import describe_packages
from composer.value_cache.content_digest import ContentDigest
from composer.value_cache.environment import describe_device, describe_environment
from composer.value_cache.module_digests import Called, ModuleDigests
from composer.value_cache.unknown_content import UnknownContentError

_NONE: Mapping[str, str] = MappingProxyType({})

Key = str | None  # None: the value has no key, and what depends on it has none


@dataclass(frozen=True)
class KeyedStep:
    """A step of a plan, as far as its key depends on how it is run.

    Args:
        step: the step.
        nodes: its node; of a set of nodes that runs as one, those, in order.
        way: how it is run: as it is, optimised, or by which engine.
    """

    step: Step
    nodes: tuple[Node, ...]
    way: tuple[Any, ...] = ()


@dataclass
class KeyMaker:
    """Makes keys.

    Args:
        called: hashes of what nodes call, remembered from run to run.

    Attributes:
        reasons: why nodes have no key, by path.
    """

    called: ModuleDigests = field(default_factory=ModuleDigests)
    reasons: dict[str, str] = field(default_factory=dict)

    def find_value(self, value: Any) -> Key:
        """The key of a value that is given."""
        digest = ContentDigest()
        try:
            digest.add(value)
        except UnknownContentError:
            return None
        return digest.hexdigest()

    def add_keys(
        self,
        keys: MutableMapping[Slot, Key],
        steps: Collection[KeyedStep],
        callables: Mapping[str, Callable[..., Any]],
        values: Mapping[Slot, Any],
        *,
        mode: Mode,
        placement: Placement,
        seed: int | None,
        without: Mapping[str, str] = _NONE,
        edited: frozenset[Slot] = frozenset(),
    ) -> None:
        """Adds the keys of the outputs of steps.

        Args:
            keys: keys of slots; those of the given values are added as they are needed.
            steps: the steps, in order.
            callables: what to call, by path of the module.
            values: what is given, by slot.
            mode: the mode.
            placement: where the nodes are.
            seed: the run's seed, if it is one that a later run can have again.
            without: nodes whose outputs have no key, with the reason, by path.
            edited: slots that have no key.
        """
        around = (mode, *describe_environment())
        for each in steps:
            node = each.step.node
            given = self._find_arguments(each.step.arguments, keys, values)
            key: Key = None
            paths = each.step.members or (node.path,)
            if reasons := {path: without[path] for path in paths if path in without}:
                self.reasons.update(reasons)
            elif given is not None:
                where = describe_device(str(placement.of(node.path)))
                key = self._find_node(each, callables, (where, *around), given, mode, seed)
            for name, slot in _outputs_of(each.step):
                if slot in values:  # it is fed, and computed for another port of its node
                    continue
                keys[slot] = None if key is None or slot in edited else _hash(key, name)

    def _find_arguments(
        self,
        arguments: Mapping[str, Endpoint],
        keys: MutableMapping[Slot, Key],
        values: Mapping[Slot, Any],
    ) -> list[str] | None:
        found: list[str] = []
        for port, end in sorted(arguments.items()):
            found += [port, str(end.gathers)]
            for slot in end.slots:
                if slot not in keys:
                    keys[slot] = self.find_value(values[slot])
                    if keys[slot] is None:
                        self.reasons[str(slot)] = "what is given has parts of unknown content"
                key = keys[slot]
                if key is None:
                    return None
                found.append(key)
        return found

    def _find_node(
        self,
        each: KeyedStep,
        callables: Mapping[str, Callable[..., Any]],
        around: tuple[str, ...],
        given: list[str],
        mode: Mode,
        seed: int | None,
    ) -> Key:
        """The key of what a step gives, from the keys of what it is given."""
        path = each.step.node.path
        drawing = [n for n in each.nodes if is_random(n, callables[n.module_path], mode)]
        drawn = [] if seed is None else [derive_seed(seed, node.path) for node in drawing]
        if seed is None and drawing:
            self.reasons[path] = "it draws, and the run has no seed"
            return None
        digest = ContentDigest()
        try:
            for node in each.nodes:
                called = self.called.find(callables[node.module_path])
                _add_node(digest, node, called, mode, is_alone=not each.way)
            digest.add(each.way)
            code = describe_packages(digest.packages)
        except UnknownContentError as error:
            self.reasons[path] = f"it has {error}"
            return None
        self.reasons.pop(path, None)
        return _hash(digest.hexdigest(), *map(str, drawn), *code, *around, "inputs", *given)


def _add_node(
    digest: ContentDigest, node: Node, called: Called, mode: Mode, *, is_alone: bool
) -> None:
    """Adds a node: its type, its configuration and what is called.

    Raises:
        UnknownContentError: a part of it cannot be described.
    """
    if node.publication is None:
        raise UnknownContentError("a node type of yours, which no plugin publishes")
    digest.add([node.publication.qualified, node.publication.version, node.publication.target])
    digest.add({**node.config, **node.shapes})
    digest.add(called.digest)
    digest.packages |= called.packages
    if not is_alone:
        ends = node.arguments[mode].items()
        digest.add([node.path, [[port, end.slots, end.gathers] for port, end in ends]])


def _outputs_of(step: Step) -> list[tuple[str, Slot]]:
    """The outputs of a step by what is told apart: of one node its ports, of a set its slots."""
    if step.members:
        return [(str(slot), slot) for _, slot in step.keeps]
    return [(slot.port, slot) for slot in step.node.slots]


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
