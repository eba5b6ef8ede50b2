"""The graph: a model made of named nodes, run whole or in part."""

from composer.graph.accelerated import annotate_plan
from composer.graph.costs import Costs, NodeCosts
from composer.graph.description import (
    describe_graph,
    describes_graph,
    parse_description,
    plugin_versions,
)
from composer.graph.edits import EditFunction, GivenEdit, refuse_edits
from composer.graph.engine_graph import plan_with_engine
from composer.graph.frozen_nodes import FrozenNodes, describe_frozen, find_frozen_nodes
from composer.graph.frozen_random import find_frozen_random
from composer.graph.gradients import Differentiable
from composer.graph.graph import Graph
from composer.graph.inputs import bind_inputs, read_inputs, spread_feeds
from composer.graph.kept_training import KeptTraining
from composer.graph.modules import device_of, find_device
from composer.graph.named_values import NamedValue, find_named_value
from composer.graph.opening import (
    Model,
    ModelParts,
    OpenedModel,
    asks_for_published,
    open_blueprint,
    open_model,
    read_model,
    require_weights,
)
from composer.graph.profiling import (
    NodeProfile,
    Profile,
    format_bytes,
    format_seconds,
    measure_peak,
)
from composer.graph.saving import write_weights
from composer.graph.session import Session
from composer.graph.sharding import gather_state, in_step, is_sharded, whole_on_first
from composer.graph.snapshots import Snapshot, leave_out, read_snapshot
from composer.graph.stored_weights import StoredWeights, read_weights
from composer.graph.value_parts import parse_part
from composer.graph.varied_graph import VariedGraph, is_run_by_engine, vary_graph
from composer.graph.weights import (
    LoadArguments,
    LoadOptions,
    Weights,
    load_weights,
    log_remarks,
    node_weights,
)

__all__ = [
    "Costs",
    "Differentiable",
    "EditFunction",
    "FrozenNodes",
    "GivenEdit",
    "Graph",
    "KeptTraining",
    "LoadArguments",
    "LoadOptions",
    "Model",
    "ModelParts",
    "NamedValue",
    "NodeCosts",
    "NodeProfile",
    "OpenedModel",
    "Profile",
    "Session",
    "Snapshot",
    "StoredWeights",
    "VariedGraph",
    "Weights",
    "annotate_plan",
    "asks_for_published",
    "bind_inputs",
    "describe_frozen",
    "describe_graph",
    "describes_graph",
    "device_of",
    "find_device",
    "find_frozen_nodes",
    "find_frozen_random",
    "find_named_value",
    "format_bytes",
    "format_seconds",
    "gather_state",
    "in_step",
    "is_run_by_engine",
    "is_sharded",
    "leave_out",
    "load_weights",
    "log_remarks",
    "measure_peak",
    "node_weights",
    "open_blueprint",
    "open_model",
    "parse_description",
    "parse_part",
    "plan_with_engine",
    "plugin_versions",
    "read_inputs",
    "read_model",
    "read_snapshot",
    "read_weights",
    "refuse_edits",
    "require_weights",
    "spread_feeds",
    "vary_graph",
    "whole_on_first",
    "write_weights",
]
