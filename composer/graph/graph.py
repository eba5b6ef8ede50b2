"""`Graph`: a model made of named nodes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import Unpack

from composer.blueprint import Blueprint, Names, Plan, listed
from composer.checkpoint import LoadReport
from composer.construction import build_modules, require_class_names
from composer.documents import SettingsSource
from composer.errors import InputError, NameResolutionError
from composer.garbage_collection import paused_collection
from composer.graph.accelerated import accelerate_graph, optimize_graph, optimize_part, refuse
from composer.graph.freezing import freeze_weights
from composer.graph.frozen_random import FrozenNote
from composer.graph.opening import Model, open_model, read_only_spec, without_taps
from composer.graph.running import RunnableGraph
from composer.graph.saving import save_weights
from composer.graph.weights import (
    LoadArguments,
    LoadOptions,
    Weights,
    load_weights,
    log_remarks,
)
from composer.language import Spec, SpecMetadata, SpecSource
from composer.layers import Engine

if TYPE_CHECKING:
    from composer.comparison import Comparison
    from composer.exporting import ExportReport


class Graph(RunnableGraph):
    """A model made of named nodes, run whole or in part.

    It is an ordinary module: `graph(inputs)` runs it, `.train()` and `.eval()` choose the mode,
    `.to()`, optimizers and `torch.compile` work. Modules are registered under the namespaces of
    their nodes, which are the names of the weights in checkpoints; `module` finds them by node.
    Make one with `Graph.open` or `Graph.from_spec`.
    """

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
        part.provenance = [one for each in self.provenance if (one := each.of_nodes(paths)).nodes]
        return part

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

    def extract(
        self,
        images: Any,
        until: Names | None = None,
        *,
        per: str = "image",
        reduce: str = "none",
        score_threshold: float = 0.5,
        **options: Any,
    ) -> Iterator[dict[str, Any]]:
        """Runs images one by one, and gives values as rows: a dict by column each.

        A row has `image` (its number), `file_name`, `height`, `width`, `error` and the values by
        the names that were asked for, tensors on the CPU (`name.level` of maps by level). Of a
        region it has `region` and `box`; of a detection `detection`, `region` (which of the
        regions it was made of; `anchor` or `query` where there are none), `box`, `score`, `class`
        and `class_name`, all of them in the pixels and by the names of predictions, and only
        detections that predictions have. An image that cannot be read is one row with its error.

        Args:
            images: files, PIL images, arrays, tensors; a folder, a list of names in a text file,
                or a dataset.
            until: nodes, ports or taps; none for detections alone.
            per: what a row is: `image` (values of regions are lists in it), `region` or
                `detection` (the row of each by its `proposal_indices`).
            reduce: `mean` or `max` of the channels of maps; `none` keeps maps.
            score_threshold: detections with a lower score are left out; 0 keeps all.
            **options: `channel_order` of arrays, `image_size`, `sample_range`, and `names` of
                classes, as for a predictor.

        Raises:
            NameResolutionError: a name means nothing or several things.
            InputError: a value has no rows of this kind, or an option is out of its range.
        """
        # Images are read, and their rows put together, above this layer.
        from composer.extraction import extract_rows

        chosen = {"reduce": reduce, "score_threshold": score_threshold, **options}
        return extract_rows(self, images, until, per, **chosen)

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
            InputError: there is no such format, it lacks a package, an option does not apply, or
                edits hold here.
            NameResolutionError: if a name means nothing or several things.
            ExportError: a node cannot be exported, or the file differs from the graph.
        """
        self._execution.editing.refuse("an export has none of them")
        # An export reads example images, which are above this layer.
        from composer.exporting import ExportOptions, export_graph

        names = None if until is None else tuple(listed(until))
        options = ExportOptions(names, tuple(feeds), inputs, tolerance, opset)
        return export_graph(self, path, options)

    def compare(
        self,
        other: Model | Graph,
        inputs: Any = None,
        *,
        until: Names | None = None,
        tolerance: float | None = None,
        seed: int = 0,
    ) -> Comparison:
        """Compares the graph with another model: structure, weights and, given inputs, values.

        Both run in inference, each by itself. A node that gives something else runs once more,
        alone, on this graph's values: so a node that differs is told from those that follow it.

        Args:
            other: a graph, or a model as `open` takes it.
            inputs: the input of both, as `run` takes it; None to run nothing.
            until: compare only what these nodes need.
            tolerance: the difference, relative to the largest number, up to which values are the
                same, and the norms of weights; by default 1e-4, and weights have to be equal.
            seed: the seed of what nodes draw.

        Returns:
            The differences, with `is_same`, `first`, `causes` and `to_dict()`.

        Raises:
            NameResolutionError: a name means nothing in one of the models.
            InputError, ExecutionError: an input does not fit, or a node fails.
        """
        # A comparison stands above graphs, as an export does.
        from composer.comparison import compare_graphs

        opened = other if isinstance(other, Graph) else Graph.open(other, seed=self.seed)
        return compare_graphs(self, opened, inputs, until=until, tolerance=tolerance, seed=seed)
