"""`Graph`: a model made of named nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from composer.checkpoint import LoadReport
from composer.construction import Blueprint, check_source, check_spec
from composer.errors import InputError, NameResolutionError
from composer.graph.cutting import build_parts, cut_wirings, part_of
from composer.graph.description import Provenance, read_description
from composer.graph.freezing import set_frozen_norms_to_eval
from composer.graph.hooks import HookHandle, HookObserver, NodeHook
from composer.graph.inputs import bind_inputs
from composer.graph.modules import CallableTable
from composer.graph.profiling import Profile, profiling
from composer.graph.running import Names, Runner, listed
from composer.graph.saving import save_weights
from composer.graph.weights import LoadOptions, Weights, load_weights
from composer.language import Mode, Settings, Spec, SpecMetadata, SpecSource
from composer.plan import Plan, Wiring
from composer.session import Session


class Graph(nn.Module):
    """A model made of named nodes, run whole or in part.

    It is an ordinary module: `graph(inputs)` runs it, `.train()` and `.eval()` choose the mode,
    `.to()`, optimizers and `torch.compile` work. Modules are registered under the namespaces of
    their nodes, which are the names of the weights in checkpoints; `module` finds them by node.
    Make one with `Graph.from_spec` or `Graph.from_checkpoint`.

    Args:
        blueprint: the checked spec.
        wirings: the nodes and wires of each mode.
        built: modules and functions by node path.
        seed: the seed that the modules were built from.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        wirings: Mapping[Mode, Wiring],
        built: Mapping[str, Any],
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.blueprint, self.seed = blueprint, seed
        designs = blueprint.designs.items()
        placed = {p: (d.same_as or p, d.device) for p, d in designs if d.device is not None}
        namespaces = {path: design.namespace for path, design in designs}
        self._callables = CallableTable(self, built, namespaces, placed)
        is_part = wirings is not blueprint.wirings
        self._runner = Runner(wirings, self._callables, is_part=is_part)
        self.provenance: list[Provenance] = []

    @classmethod
    def from_spec(
        cls,
        spec: SpecSource | Spec,
        *,
        weights: Weights | None = None,
        seed: int = 0,
        nodes: Mapping[str, Any] | None = None,
        until: Names | None = None,
        feeds: Sequence[str] = (),
        skip_mismatched: bool = False,
        set: Settings = (),
        **params: Any,
    ) -> Graph:
        """Builds the graph of a spec, in inference mode.

        Args:
            spec: a file, the name of a shipped spec, a mapping, or a loaded spec.
            weights: a checkpoint, or checkpoints by node; by default what the spec names.
            seed: the seed of the first weights of nodes that no checkpoint fills.
            nodes: node types by name that no plugin publishes, for trying things out.
            until: build only what these nodes need, as `subgraph` would leave it.
            feeds: with `until`, nodes that will be given and so are not built.
            skip_mismatched: leave weights of another shape as they are (a new class count).
            set: values for aliases, params and configuration by address (`{"fpn.norm": "GN"}`),
                or texts of the form `address=value`, the value in YAML.
            **params: the same for names without dots.

        Raises:
            SpecError: with all problems of the spec at once.
            InputError: values are set of a loaded spec: `load_spec` takes them.
            CheckpointError: if a checkpoint cannot be read or does not fit.
        """
        settings = [*(set.items() if isinstance(set, Mapping) else set), *params.items()]
        if not isinstance(spec, Spec):
            blueprint = check_source(spec, set=settings, nodes=nodes)
        elif settings:
            raise InputError("a spec that is loaded has its settings: `load_spec` takes them")
        else:
            blueprint = check_spec(spec, nodes)
        graph = cls.from_blueprint(blueprint, seed=seed, until=until, feeds=feeds)
        options = LoadOptions(skip_mismatched=skip_mismatched)
        load_weights(graph, graph.spec.weights if weights is None else weights, options)
        return graph

    @classmethod
    def from_blueprint(
        cls,
        blueprint: Blueprint,
        *,
        seed: int = 0,
        until: Names | None = None,
        feeds: Sequence[str] = (),
    ) -> Graph:
        """Builds a checked spec, or the part of it that `until` needs, without weights.

        Args:
            blueprint: the checked spec.
            seed: the seed of the first weights.
            until: build only what these nodes need.
            feeds: with `until`, nodes that will be given.
        """
        wirings = blueprint.wirings if until is None else part_of(blueprint, until, feeds)
        graph = cls(blueprint, wirings, build_parts(blueprint, wirings, seed), seed)
        graph.eval()
        return graph

    @classmethod
    def from_checkpoint(
        cls,
        path: str | os.PathLike[str],
        *,
        seed: int = 0,
        nodes: Mapping[str, Any] | None = None,
    ) -> Graph:
        """Builds the graph that a checkpoint describes, with its weights.

        Args:
            path: a checkpoint written by `save`.
            seed: the seed of the first weights of nodes that the file does not hold.
            nodes: node types by name that no plugin publishes.

        Raises:
            CheckpointError: if the file cannot be read or describes no graph.
        """
        description = read_description(path)
        graph = cls.from_spec(description.document, seed=seed, nodes=nodes, weights={})
        load_weights(graph, dict.fromkeys(description.nodes, path) or path)
        return graph

    @property
    def spec(self) -> Spec:
        """The spec that the graph was built from."""
        return self.blueprint.spec

    @property
    def mode(self) -> Mode:
        """The mode that a run has unless it names another: that of `train()` and `eval()`."""
        wanted: Mode = "training" if self.training else "inference"
        return wanted if wanted in self._runner.wirings else next(iter(self._runner.wirings))

    def train(self, mode: bool = True) -> Graph:
        """Chooses training or inference; batch normalisations that are frozen stay in the latter.

        Args:
            mode: whether to train.
        """
        super().train(mode)
        self._callables.train(mode)
        set_frozen_norms_to_eval(self.spec.freeze, self._callables)
        return self

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Runs the whole graph.

        Args:
            *inputs: the graph's inputs in order; one mapping by name does as well.
            **named: the graph's inputs by name.

        Returns:
            In inference of a detector, for each image a dict of what was found; in training a dict
            of losses; otherwise a dict by output name. A subgraph of one target gives its value.

        Raises:
            InputError: if an input is missing or does not fit.
            ExecutionError: if a node fails.
        """
        wiring = self._runner.wiring(self.mode)
        plan, given = self._runner.plan(wiring, None), bind_inputs(wiring, inputs, named)
        return self._runner.packed(wiring, self._runner.run(plan, {}, given))

    def run(
        self,
        inputs: Any = None,
        *,
        until: Names | None = None,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
    ) -> Any:
        """Runs what the targets need, and nothing else.

        Args:
            inputs: the graph's input, or a mapping by name where there are several.
            until: a node, port or tap (`backbone.bottom_up:res4`), or several; the whole graph
                if None.
            feeds: values to use in place of computing them, by node or port.
            mode: training or inference wiring; by default that of `train()` and `eval()`.
            seed: the seed of all that nodes draw; by default one from torch's global generator.

        Returns:
            The target's value; for several, a dict by the names that were given; without
            `until`, what `graph(inputs)` gives.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if an input is missing or does not fit.
            ExecutionError: if a node fails.
        """
        return self._runner.answer(mode or self.mode, inputs, until, feeds or {}, seed)

    def session(
        self,
        inputs: Any = None,
        *,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
    ) -> Session:
        """A lazy run that keeps its values; see `Session`.

        Args:
            inputs: the graph's input, or a mapping by name where there are several.
            feeds: values to use in place of computing them.
            mode: training or inference wiring.
            seed: the seed of all that nodes draw.
        """
        return self._runner.session(mode or self.mode, inputs, feeds or {}, seed)

    def subgraph(self, *, until: Names, feeds: Sequence[str] = ()) -> Graph:
        """The part that computes the targets from the feeds: a graph with the same modules.

        Args:
            until: what it gives.
            feeds: what it takes; inputs of this graph that are still needed come first. Of a node
                with several ports the first is an input by the node's name, others that are
                needed by `name.port`.

        A module that holds others which are not in the part is there as a shallow copy without
        them, which shares its weights.

        Raises:
            NameResolutionError: if a name means nothing or several things.
        """
        wirings = cut_wirings(self._runner.wirings, feeds, listed(until))
        paths = {c.module_path for w in wirings.values() for c in w.calls.values()}
        built = {path: self._callables[path] for path in self._callables if path in paths}
        part = Graph(self.blueprint, wirings, built, self.seed)
        part.training = self.training
        return part

    def plan(
        self,
        until: Names | None = None,
        *,
        feeds: Collection[str] = (),
        mode: Mode | None = None,
    ) -> Plan:
        """What a run would do: which nodes, in which order, and where values are released.

        Raises:
            NameResolutionError: if a name means nothing or several things.
        """
        wiring = self._runner.wiring(mode or self.mode)
        return self._runner.plan(wiring, until, self._runner.feedable(wiring, feeds))

    def profile(
        self,
        inputs: Any = None,
        *,
        until: Names | None = None,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
        memory: bool = True,
    ) -> Profile:
        """Runs like `run` and measures every node.

        Args:
            inputs: as for `run`.
            until: as for `run`.
            feeds: as for `run`.
            mode: as for `run`.
            seed: as for `run`.
            memory: whether to watch allocations, which costs some microseconds an operation.
        """
        with profiling(self._runner.observers, memory=memory) as profiler:
            result = self.run(inputs, until=until, feeds=feeds, mode=mode, seed=seed)
        return Profile(tuple(profiler.nodes), result)

    def add_hook(
        self, function: NodeHook, moment: Literal["before", "after"], node: str = ""
    ) -> HookHandle:
        """Calls a function before or after nodes run.

        Args:
            function: gets the node's path, and its inputs (before) or outputs (after) by port.
                It looks and changes nothing; to replace a value, feed it.
            moment: `before` or `after`.
            node: a node or nested graph; all nodes by default.

        Returns:
            A handle whose `remove()` takes the hook away; it is a context manager too.
        """
        path = self.resolve_node(node) if node else ""
        return HookHandle(self._runner.observers, HookObserver(function, moment, path))

    def resolve_node(self, name: str) -> str:
        """The full path of the node or nested graph that a name or a unique suffix means.

        Raises:
            NameResolutionError: if there is none, or several.
        """
        return self._runner.resolve_node(name, self.mode)

    def module(self, node: str) -> nn.Module:
        """The module that a node calls: where it is in the tree depends on its namespace.

        Args:
            node: the node's path, or a unique suffix.

        Raises:
            NameResolutionError: if the name means nothing, several things, or no module.
        """
        path = self.resolve_node(node)
        design = self.blueprint.designs.get(path)
        found = None if design is None else self._callables.get(design.same_as or path)
        if not isinstance(found, nn.Module):
            kind = "a nested graph" if design is None else f"no module: {design.uses} is a function"
            raise NameResolutionError(f"'{path}' is {kind}")
        return found

    def nodes(self, mode: Mode | None = None) -> tuple[str, ...]:
        """Paths of the nodes of a mode, in the order of the spec."""
        return tuple(self._runner.wiring(mode or self.mode).calls)

    def load(
        self,
        path: str,
        *,
        node: str | None = None,
        prefix: str | None = None,
        skip_mismatched: bool = False,
        allow_missing: bool = False,
        allow_unexpected: bool = False,
    ) -> LoadReport:
        """Loads weights from a checkpoint; all nodes, or one node or nested graph.

        Args:
            path: the file.
            node: the node or nested graph to load; all by default.
            prefix: with `node`, where its weights are in the file, if not under its namespace.
            skip_mismatched: leave weights of another shape as they are.
            allow_missing: leave weights that the file lacks as they are.
            allow_unexpected: pass over weights that the graph lacks.

        Returns:
            A report of what was loaded, node by node.

        Raises:
            CheckpointError: if the file cannot be read.
            CheckpointMismatchError: if it does not fit and no exception above allows it; nothing
                is loaded then.
        """
        options = LoadOptions(skip_mismatched, allow_missing, allow_unexpected)
        reports = load_weights(self, {node or "": path}, options, prefix=prefix)
        if not reports:
            raise NameResolutionError(f"'{node}' has no weights in this graph")
        return reports[0]

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        nodes: Names | None = None,
        dtype: torch.dtype | None = None,
        metadata: SpecMetadata | Mapping[str, Any] | None = None,
    ) -> None:
        """Writes the weights and a description of the graph, atomically.

        Args:
            path: a `.safetensors` or `.pth` file.
            nodes: only these nodes or nested graphs.
            dtype: what floating-point weights are stored as, `torch.float16` for instance. A load
                gives them the type again that the graph has; whole numbers stay as they are.
            metadata: what the file says that predicted numbers stand for; by default what the
                spec says.

        Raises:
            CheckpointError: if the file cannot be written, or a weight is too large for `dtype`.
            SpecError: if something is wrong with the metadata.
        """
        spec = self.spec if metadata is None else self.spec.with_metadata(metadata)
        names = None if nodes is None else listed(nodes)
        save_weights(self, path, names, dtype=dtype, spec=spec)

    def extra_repr(self) -> str:
        """The name and the size of the graph."""
        counts = {mode: len(wiring.calls) for mode, wiring in self._runner.wirings.items()}
        listing = ", ".join(f"{count} nodes in {mode}" for mode, count in counts.items())
        return f"{self.spec.name}: {listing}"

    @property
    def callables(self) -> Mapping[str, Callable[..., Any]]:
        """What each node calls, by path: a module of this graph, or a function."""
        return self._callables
