"""`Graph`: a model made of named nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn
from typing_extensions import Unpack

from composer.blueprint import Blueprint, Names, Plan, listed
from composer.checkpoint import LoadReport
from composer.construction import build_modules, require_class_names
from composer.documents import SettingsSource
from composer.errors import InputError, NameResolutionError
from composer.garbage_collection import paused_collection
from composer.graph.accelerated import (
    accelerate_graph,
    describe_optimization,
    optimize_graph,
    optimize_part,
    refuse,
)
from composer.graph.costs import Costs, counting
from composer.graph.description import Provenance
from composer.graph.execution import Execution
from composer.graph.freezing import freeze_weights, set_frozen_norms_to_eval
from composer.graph.frozen_random import FrozenNote
from composer.graph.hooks import HookHandle, HookObserver, NodeHook
from composer.graph.modules import make_table, require_module
from composer.graph.opening import Model, open_model, read_only_spec, without_taps
from composer.graph.profiling import Profile, profile_run
from composer.graph.saving import save_weights
from composer.graph.session import Session
from composer.graph.weights import (
    LoadArguments,
    LoadOptions,
    Weights,
    find_random_nodes,
    load_weights,
    log_remarks,
)
from composer.language import Mode, Spec, SpecMetadata, SpecSource
from composer.layers import Engine

if TYPE_CHECKING:
    from composer.exporting import ExportReport


class Graph(nn.Module):
    """A model made of named nodes, run whole or in part.

    It is an ordinary module: `graph(inputs)` runs it, `.train()` and `.eval()` choose the mode,
    `.to()`, optimizers and `torch.compile` work. Modules are registered under the namespaces of
    their nodes, which are the names of the weights in checkpoints; `module` finds them by node.
    Make one with `Graph.open` or `Graph.from_spec`.

    Args:
        blueprint: the checked spec, or a part of it.
        built: modules and functions by node path; nodes that are not here cannot be run.
        seed: the seed that the modules were built from.

    Attributes:
        source: of an optimised graph, the graph whose modules it shares; None of others.
    """

    source: Graph | None = None

    def __init__(self, blueprint: Blueprint, built: Mapping[str, Any], seed: int = 0) -> None:
        super().__init__()
        self.blueprint, self.seed = blueprint, seed
        self._callables = make_table(self, blueprint, built)
        self._execution = Execution(blueprint, self._callables)
        self.provenance: list[Provenance] = []
        self._frozen_note: FrozenNote | None = None
        for mode, outputs in blueprint.outputs.items():
            if outputs and self._execution.is_complete:
                blueprint.plan(mode)  # now: torch.compile does not follow the planning

    @classmethod
    def open(
        cls,
        model: Model | Graph,
        weights: Weights | None = None,
        *,
        set: SettingsSource = (),
        seed: int = 0,
        nodes: Mapping[str, Any] | None = None,
        until: Names | None = None,
        feeds: Sequence[str] = (),
        **options: Unpack[LoadArguments],
    ) -> Graph:
        """The graph of a model with its weights, in inference mode.

        Weights are those that are given; else those that the checkpoint holds or the spec names.
        An experiment is its spec with its settings and initial weights, not what it trained.
        Nodes that none of them fills are random: `random_nodes` lists them, `provenance` the rest.

        Args:
            model: the name of a model that ships or of a spec; a checkpoint; the folder of a run;
                an experiment; a spec as a file, mapping or value; a checked spec; or a graph,
                taken as it is.
            weights: a checkpoint, or checkpoints by node; an empty mapping for none; `default` for
                the weights that are published for a spec. A checkpoint is a file, an address, or
                the name of a published model.
            set: values for aliases, params and configuration by address (`{"fpn.norm": "GN"}`),
                or texts of the form `address=value`, the value in YAML.
            seed: the seed of the first weights of nodes that no checkpoint fills.
            nodes: node types by name that no plugin publishes, for trying things out.
            until: build only what these nodes need, as `subgraph` would leave it.
            feeds: with `until`, nodes that will be given and so are not built.
            **options: of the load, as `load` takes them.

        Raises:
            NameResolutionError, InputError: there is no such model, or it takes no values.
            SpecError: with all problems of the spec at once.
            CheckpointError: a checkpoint cannot be read, does not fit or describes no graph.
        """
        chosen = LoadOptions(**options)
        if isinstance(model, Graph):
            if set:
                raise InputError("nothing can be set in a graph: it is built already")
            log_remarks(load_weights(model, weights or {}, chosen))
            return model
        blueprint, found, chosen = open_model(model, weights, chosen, set=set, nodes=nodes)
        if until is not None:
            blueprint = blueprint.part(without_taps(until), feeds)
        graph = cls.from_blueprint(blueprint, seed=seed)
        log_remarks(load_weights(graph, found, chosen))
        return graph

    @classmethod
    def from_spec(
        cls,
        spec: SpecSource | Spec,
        *,
        weights: Weights | None = None,
        set: SettingsSource = (),
        nodes: Mapping[str, Any] | None = None,
        seed: int = 0,
        until: Names | None = None,
        feeds: Sequence[str] = (),
        **params: Any,
    ) -> Graph:
        """The graph of a spec: `open` for a name that can mean nothing else, with its options.

        `**params` are the same as `set`, for names without dots, or options of the load.
        """
        options, rest = LoadOptions.split(params)
        values = [*(set.items() if isinstance(set, Mapping) else set), *rest.items()]
        model, left = read_only_spec(spec, values, nodes, weights)
        kept: dict[str, Any] = {"seed": seed, "until": until, "feeds": feeds}
        return cls.open(model, weights, set=left, nodes=nodes, **kept, **options)

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
            PluginError: if a constructor fails, or a node's device cannot be used.
        """
        place = None if device is None else torch.device(device)
        paths = None if plan is None else plan.paths
        with paused_collection():
            built = build_modules(blueprint, seed=seed, only=paths, device=place)
            freeze_weights(blueprint.spec.freeze, built)
            graph = cls(blueprint, built, seed).eval()
            graph._frozen_note = FrozenNote(graph)
        return graph

    @property
    def spec(self) -> Spec:
        """The spec that the graph was built from."""
        return self.blueprint.spec

    @property
    def random_nodes(self) -> list[str]:
        """The nodes that have weights, none of which came from a checkpoint."""
        return find_random_nodes(self)

    @property
    def mode(self) -> Mode:
        """The mode that a run has unless it names another: that of `train()` and `eval()`."""
        wanted: Mode = "training" if self.training else "inference"
        modes = self.blueprint.modes
        return wanted if wanted in modes else modes[0]

    def train(self, mode: bool = True) -> Graph:
        """Chooses training or inference; frozen batch normalisations stay in the latter.

        Raises:
            InputError: to train an optimised graph.
        """
        if self.source is not None:
            if mode:
                refuse("trained")
            self.source.train(False)
            return self
        super().train(mode)
        self._callables.train(mode)
        set_frozen_norms_to_eval(self.spec.freeze, self._callables)
        if mode and self._frozen_note is not None:
            self._frozen_note.log(self)
        return self

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Runs the whole graph.

        Args:
            *inputs: the graph's inputs in order; one mapping by name does as well.
            **named: the graph's inputs by name.

        Returns:
            In inference of a detector, a dict for each image; in training a dict of losses;
            otherwise a dict by output name. A subgraph of one target gives its value.

        Raises:
            InputError, ExecutionError: an input does not fit, or a node fails.
        """
        return self._execution.answer(self._execution.plan(self.mode), inputs, named)

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
            InputError, ExecutionError: an input does not fit, or a node fails.
        """
        return self._execution.request(
            inputs, self.mode, until=until, feeds=feeds, mode=mode, seed=seed
        )

    def session(
        self,
        inputs: Any = None,
        *,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
    ) -> Session:
        """A lazy run that keeps its values, with the options of `run`; see `Session`."""
        session = Session(self._execution, mode or self.mode, inputs, seed)
        session.feed({} if feeds is None else feeds)
        return session

    def subgraph(self, *, until: Names, feeds: Sequence[str] = ()) -> Graph:
        """The part that computes targets from feeds, as a graph with the same modules.

        What it takes and returns is that of `Blueprint.part`, which raises for unknown names.
        """
        if self.source is not None:
            return optimize_part(self, self.source.subgraph(until=until, feeds=feeds))
        blueprint = self.blueprint.part(until, feeds)
        paths = {node.module_path for node in blueprint.nodes.values() if node.arguments}
        built = {path: self._callables[path] for path in self._callables if path in paths}
        part = Graph(blueprint, built, self.seed)
        part.training = self.training
        return part

    def plan(
        self, until: Names | None = None, *, feeds: Collection[str] = (), mode: Mode | None = None
    ) -> Plan:
        """What a run would do: which nodes, in which order, and where values are released."""
        return self._execution.annotate(self._execution.plan(mode or self.mode, until, feeds))

    def optimize(self, precision: str = "float32", *, nodes: Names | None = None) -> Graph:
        """A graph of the same names and weights that is faster in inference.

        Batch normalisations and activations are folded into convolutions, maps are laid out with
        the channels last, and tensors are of a lower precision where asked for and where node
        types allow it. This graph stays as it is. The other one shares its weights and follows
        their changes: its state dict and checkpoints are this graph's, and it cannot be trained or
        loaded. Nodes that are tapped, and runs with inputs that need gradients, use this graph's
        modules.

        Args:
            precision: `float32` or `bfloat16`; boxes and scores stay in float32.
            nodes: the nodes or nested graphs to optimise; all by default.

        Raises:
            InputError: the graph has no inference, there is no such precision, or the processor
                would emulate it.
            NameResolutionError: a name is no node's.
            ContractError: a node type says something impossible of its optimisation.
        """
        return optimize_graph(self, precision, nodes)

    @property
    def optimization(self) -> str:
        """What was applied to an optimised graph, in one line; empty for another."""
        return describe_optimization(self)

    def accelerate(
        self,
        engine: str | Engine,
        nodes: Names | None = None,
        precision: str | None = None,
        *,
        calibrate: Iterable[Any] | None = None,
        cache: bool = True,
    ) -> Graph:
        """A graph of the same names and weights that hands sets of nodes to an engine.

        A set runs as one step where all of its nodes would run; a request for a value inside it,
        a feed, a tap or a hook there, and whatever needs gradients, has its nodes run by PyTorch,
        and the plan says so. A set is compiled at its first run, for any size of images and any
        number of regions, and again after its weights changed.

        Args:
            engine: the name of an engine (`inductor`, `onnxruntime`, `openvino`), or one itself.
            nodes: the nodes or nested graphs that it runs, where no path leaves them and comes
                back; by default the largest connected sets of nodes that it can take.
            precision: `float32`, or what else the engine has: `bfloat16`, `int8`. By default that
                of an optimised graph, else `float32`.
            calibrate: with `int8`, inputs of the graph that are typical of what it will get.
            cache: whether compiled sets are kept in the cache on disk.

        Raises:
            InputError: the engine is unknown or not installed, has no such precision, or cannot
                take a node; a path leaves the nodes and comes back; the graph has no inference.
            NameResolutionError: a name is no node's.
        """
        return accelerate_graph(self, engine, nodes, precision, calibrate, cache=cache)

    @property
    def engine_steps(self) -> Mapping[str, str]:
        """The sets of nodes that engines run, by their names, with engine and precision."""
        sets = self._execution.sets
        return {} if sets is None else {each.name: each.label for each in sets.sets}

    def profile(self, inputs: Any = None, *, memory: bool = True, **options: Any) -> Profile:
        """Runs like `run`, with its options, and measures every node.

        It runs twice: watching memory takes time, so memory is measured in a first pass, and time
        in a second one. Both have the same random numbers, and hooks see the second.

        Args:
            inputs: as for `run`.
            memory: whether memory is measured; without it there is one pass.
            **options: those of `run`.
        """
        run = partial(self._execution.request, inputs, self.mode, **options)
        return profile_run(run, self, self._execution.observers, memory=memory)

    def costs(self, inputs: Any = None, **options: Any) -> Costs:
        """Runs like `run`, with its options, and counts parameters and operations of every node.

        A node that works on regions costs as much as there are regions in this run. An optimised
        graph costs as much as the one that it was made from.
        """
        if self.source is not None:
            return self.source.costs(inputs, **options)
        with counting(self._callables) as counter:
            result = self._execution.request(inputs, self.mode, observers=(counter,), **options)
        return Costs(tuple(counter.nodes), result)

    def add_hook(
        self,
        function: NodeHook,
        moment: Literal["before", "after"],
        node: str = "",
        *,
        every_thread: bool = False,
        as_one: bool = False,
    ) -> HookHandle:
        """Calls a function before or after nodes run.

        Args:
            function: gets the node's path, and its inputs (before) or outputs (after) by port.
                It looks and changes nothing; to replace a value, feed it.
            moment: `before` or `after`.
            node: a node or nested graph; all nodes by default.
            every_thread: whether it sees runs in other threads than this one, too.
            as_one: whether a set of nodes that an engine runs counts as one, by the name of
                `engine_steps`; otherwise PyTorch runs sets with a node that the hook is for.

        Returns:
            A handle with `remove()`, which is a context manager too.
        """
        path = self.resolve_node(node) if node else ""
        hook = HookObserver(function, moment, path, as_one)
        return HookHandle(self._execution.observers, hook, every_thread=every_thread)

    def resolve_node(self, name: str) -> str:
        """The full path of the node or nested graph that a name means: see `Blueprint`."""
        return self.blueprint.resolve_node(name, self.mode)

    def module(self, node: str) -> nn.Module:
        """The module that a node calls: where it is in the tree depends on its namespace.

        Raises:
            NameResolutionError: if the name means nothing, several things, or no module.
        """
        return require_module(self.blueprint, self._callables, self.resolve_node(node))

    def nodes(self, mode: Mode | None = None) -> tuple[str, ...]:
        """Paths of the nodes of a mode, in the order of the spec."""
        return tuple(self.blueprint.nodes_in(mode or self.mode))

    def load(
        self,
        path: str,
        *,
        node: str | None = None,
        prefix: str | None = None,
        **options: Unpack[LoadArguments],
    ) -> LoadReport:
        """Loads weights from a checkpoint; all nodes, or one node or nested graph.

        Args:
            path: the file.
            node: the node or nested graph to load; all by default.
            prefix: with `node`, where its weights are in the file, if not under its namespace.
            **options: what is forgiven (`skip_mismatched`, `allow_missing`, `allow_unexpected`),
                and how the file is read (`key_mapping`, `section`): see `LoadOptions`.

        Returns:
            A report by node.

        Raises:
            CheckpointError: if the file cannot be read.
            CheckpointMismatchError: if it does not fit; nothing is loaded then.
            InputError: if the graph is an optimised one.
        """
        if self.source is not None:
            refuse("loaded")
        reports = load_weights(self, {node or "": path}, LoadOptions(**options), prefix=prefix)
        if not reports:
            raise NameResolutionError(f"'{node}' has no weights in this graph")
        log_remarks(reports)
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
            dtype: of floating-point weights, `torch.float16` for instance. A load gives them the
                type again that the graph has.
            metadata: names of classes and keypoints; by default those of the spec.

        Raises:
            CheckpointError: if the file cannot be written, or a weight is too large for `dtype`.
            SpecError: if the metadata has problems.
        """
        spec = self.spec
        if metadata is not None:
            spec = spec.with_metadata(metadata)
            require_class_names(self.blueprint, spec)
        save_weights(self, path, None if nodes is None else listed(nodes), dtype=dtype, spec=spec)

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        """Loads a state dict as torch does; into an optimised graph none can be loaded."""
        if self.source is not None:
            refuse("loaded")
        return super().load_state_dict(*arguments, **named)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Graph:
        if self.source is not None:
            refuse("moved or cast")
        untyped: Any = super()
        applied: Graph = untyped._apply(fn, recurse)
        return applied

    def requires_grad_(self, requires_grad: bool = True) -> Graph:
        """Lets parameters be trained or not, as torch does; not those of an optimised graph."""
        if self.source is not None and requires_grad:
            refuse("trained")
        return super().requires_grad_(requires_grad)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        until: Names | None = None,
        feeds: Sequence[str] = (),
        inputs: Any = None,
        tolerance: float | None = None,
        opset: int | None = None,
    ) -> ExportReport:
        """Writes the graph, or the part of it between some nodes, as a file for other programs.

        The file is run on examples and compared with the graph, output by output; one that differs
        is not kept. Its inputs and outputs have the names of the nodes; height and width of images,
        and the numbers of images and regions are free (of a whole detector there is one image).

        Args:
            path: the file; its ending names the format: `.onnx`, `.pt2`, `.xml` (OpenVINO), or
                `.safetensors` and `.pth` for the weights of the whole model.
            until: the last nodes; the outputs of the graph if None.
            feeds: nodes whose values are inputs of the file.
            inputs: values to check it on, as `run` takes them; by default the spec's example.
            tolerance: the largest error of an output, relative to its largest number; 0.001 by
                default.
            opset: the version of ONNX's operators.

        Returns:
            The files, and the largest error of each output.

        Raises:
            InputError: there is no such format, it lacks a package, or an option does not apply.
            NameResolutionError: if a name means nothing or several things.
            ExportError: a node cannot be exported, or the file differs from the graph.
        """
        # An export reads example images, which are above this layer.
        from composer.exporting import ExportOptions, export_graph

        names = None if until is None else tuple(listed(until))
        options = ExportOptions(names, tuple(feeds), inputs, tolerance, opset)
        return export_graph(self, path, options)

    def extra_repr(self) -> str:
        """The name and the size of the graph."""
        counts = [f"{len(self.nodes(mode))} nodes in {mode}" for mode in self.blueprint.modes]
        return f"{self.spec.name}: {', '.join(counts)}"

    @property
    def callables(self) -> Mapping[str, Callable[..., Any]]:
        """What each node calls, by path: a module of this graph, or a function."""
        return self._callables
