"""`Graph`: a model made of named nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from composer.blueprint import Blueprint, Names, Plan, Slot, listed
from composer.checkpoint import LoadReport
from composer.construction import build_modules, check_source, check_spec
from composer.documents import SettingsSource
from composer.errors import InputError, NameResolutionError
from composer.graph.description import Provenance, read_description
from composer.graph.execution import Execution, draw_seed
from composer.graph.feeding import spread_feeds
from composer.graph.freezing import freeze_weights, set_frozen_norms_to_eval
from composer.graph.hooks import HookHandle, HookObserver, NodeHook
from composer.graph.inputs import bind_inputs
from composer.graph.modules import CallableTable
from composer.graph.outputs import pack_outputs
from composer.graph.profiling import Profile, profiling
from composer.graph.saving import save_weights
from composer.graph.session import Session
from composer.graph.weights import LoadOptions, Weights, load_weights
from composer.language import Mode, Spec, SpecMetadata, SpecSource
from composer.module_tree import own_state


class Graph(nn.Module):
    """A model made of named nodes, run whole or in part.

    It is an ordinary module: `graph(inputs)` runs it, `.train()` and `.eval()` choose the mode,
    `.to()`, optimizers and `torch.compile` work. Modules are registered under the namespaces of
    their nodes, which are the names of the weights in checkpoints; `module` finds them by node.
    Make one with `Graph.from_spec` or `Graph.from_checkpoint`.

    Args:
        blueprint: the checked spec, or a part of it.
        built: modules and functions by node path; nodes that are not here cannot be run.
        seed: the seed that the modules were built from.
    """

    def __init__(self, blueprint: Blueprint, built: Mapping[str, Any], seed: int = 0) -> None:
        super().__init__()
        self.blueprint, self.seed = blueprint, seed
        nodes = blueprint.nodes.items()
        placed = {p: (n.module_path, n.device) for p, n in nodes if n.device is not None}
        namespaces = {path: node.namespace for path, node in nodes}
        self._callables = CallableTable(self, built, namespaces, placed)
        self._execution = Execution(blueprint, self._callables)
        self.provenance: list[Provenance] = []
        for mode, outputs in blueprint.outputs.items():
            if outputs and self._execution.is_complete:
                blueprint.plan(mode)  # now: torch.compile does not follow the planning

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
        set: SettingsSource = (),
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
        if until is not None:
            names = [name.partition(":")[0] for name in listed(until)]  # a tap needs its node
            blueprint = blueprint.part(list(dict.fromkeys(names)), feeds)
        graph = cls.from_blueprint(blueprint, seed=seed)
        options = LoadOptions(skip_mismatched=skip_mismatched)
        load_weights(graph, graph.spec.weights if weights is None else weights, options)
        return graph

    @classmethod
    def from_blueprint(
        cls,
        blueprint: Blueprint,
        *,
        plan: Plan | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
    ) -> Graph:
        """Builds a checked spec without weights, in inference mode.

        Args:
            blueprint: the checked spec, or a part of it.
            plan: build only the nodes that this plan of the blueprint runs; others are known by
                name, but cannot be run.
            seed: the seed of the first weights.
            device: where the nodes go that name no device in the spec.

        Raises:
            PluginError: if a node type's constructor fails, or a node's device cannot be used.
        """
        place = None if device is None else torch.device(device)
        only = None if plan is None else plan.paths
        built = build_modules(blueprint, seed=seed, only=only, device=place)
        freeze_weights(blueprint.spec.freeze, built)
        graph = cls(blueprint, built, seed)
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
    def random_nodes(self) -> list[str]:
        """The nodes that have weights, none of which came from a checkpoint."""
        filled = {path for entry in self.provenance for path in entry.nodes}
        return [
            path
            for path, made in self._callables.items()
            if isinstance(made, nn.Module) and path not in filled and own_state(made)
        ]

    @property
    def mode(self) -> Mode:
        """The mode that a run has unless it names another: that of `train()` and `eval()`."""
        wanted: Mode = "training" if self.training else "inference"
        modes = self.blueprint.modes
        return wanted if wanted in modes else modes[0]

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
        plan = self.blueprint.plan(self.mode)
        self._execution.check(plan)
        given = bind_inputs(self.blueprint.inputs[plan.mode], inputs, named)
        found = self._execution.results(plan, {}, given, None)
        return pack_outputs(self.blueprint, plan.mode, found)

    def run(
        self,
        inputs: Any = None,
        *,
        until: Names | Plan | None = None,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
    ) -> Any:
        """Runs what the targets need, and nothing else.

        Args:
            inputs: the graph's input, or a mapping by name where there are several.
            until: a node, port or tap (`backbone.bottom_up:res4`), or several; the whole graph
                if None; or a plan of this graph's blueprint.
            feeds: values to use in place of computing them, by node or port.
            mode: training or inference; by default that of the plan, or of `train()` and `eval()`.
            seed: the seed of all that nodes draw; by default one from torch's global generator.

        Returns:
            The target's value; for several, a dict by the names that were given, for a plan by
            their full names; without `until`, what `graph(inputs)` gives.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if an input is missing or does not fit.
            ExecutionError: if a node fails.
        """
        if isinstance(until, Plan):
            mode = until.mode
        given, fed = self._request(mode or self.mode, inputs, feeds or {})
        plan = until if isinstance(until, Plan) else self._plan(mode or self.mode, until, fed)
        found = self._execution.results(plan, fed, given, seed)
        if plan.is_whole:
            return pack_outputs(self.blueprint, plan.mode, found)
        if isinstance(until, str):
            return found[0]
        names = [target.name for target in plan.targets] if isinstance(until, Plan) else until
        return dict(zip(names or (), found, strict=True))

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
        mode = mode or self.mode
        given, _ = self._request(mode, inputs, {})
        session = Session(self._execution, mode, given, draw_seed() if seed is None else seed)
        for name, value in (feeds or {}).items():
            session[name] = value
        return session

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
        blueprint = self.blueprint.part(until, feeds)
        paths = {node.module_path for node in blueprint.nodes.values() if node.arguments}
        built = {path: self._callables[path] for path in self._callables if path in paths}
        part = Graph(blueprint, built, self.seed)
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
        return self._plan(mode or self.mode, until, feeds)

    def profile(self, inputs: Any = None, *, memory: bool = True, **options: Any) -> Profile:
        """Runs like `run` and measures every node.

        Args:
            inputs: as for `run`.
            memory: whether to watch allocations, which costs some microseconds an operation.
            **options: as for `run`.
        """
        with profiling(self._execution.observers, memory=memory) as profiler:
            result = self.run(inputs, **options)
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
        return HookHandle(self._execution.observers, HookObserver(function, moment, path))

    def resolve_node(self, name: str) -> str:
        """The full path of the node or nested graph that a name or a unique suffix means.

        Raises:
            NameResolutionError: if there is none, or several.
        """
        return self.blueprint.resolve_node(name, self.mode)

    def module(self, node: str) -> nn.Module:
        """The module that a node calls: where it is in the tree depends on its namespace.

        Args:
            node: the node's path, or a unique suffix.

        Raises:
            NameResolutionError: if the name means nothing, several things, or no module.
        """
        path = self.resolve_node(node)
        known = self.blueprint.nodes.get(path)
        found = None if known is None else self._callables.get(known.module_path)
        if not isinstance(found, nn.Module):
            kind = "a nested graph" if known is None else f"no module: {known.uses} is a function"
            raise NameResolutionError(f"'{path}' is {kind}")
        return found

    def nodes(self, mode: Mode | None = None) -> tuple[str, ...]:
        """Paths of the nodes of a mode, in the order of the spec."""
        return tuple(self.blueprint.nodes_in(mode or self.mode))

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
        counts = {mode: len(self.blueprint.nodes_in(mode)) for mode in self.blueprint.modes}
        listing = ", ".join(f"{count} nodes in {mode}" for mode, count in counts.items())
        return f"{self.spec.name}: {listing}"

    @property
    def callables(self) -> Mapping[str, Callable[..., Any]]:
        """What each node calls, by path: a module of this graph, or a function."""
        return self._callables

    def _request(
        self, mode: Mode, inputs: Any, feeds: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[Slot, Any]]:
        """The given inputs by name, and the values that are fed by slot."""
        dependencies = self.blueprint.dependencies(mode)
        given = bind_inputs(dependencies.inputs, () if inputs is None else (inputs,), {})
        if not feeds:
            return given, {}
        return given, spread_feeds(feeds, self.blueprint.book(mode), dependencies)

    def _plan(self, mode: Mode, until: Names | None, feeds: Iterable[str | Slot]) -> Plan:
        """The plan of a request that can be run on what was built."""
        plan = self.blueprint.plan(mode, until, feeds)
        self._execution.check(plan)
        return plan
