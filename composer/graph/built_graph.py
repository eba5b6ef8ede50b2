"""The modules of a graph: which there are, their mode and their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from typing_extensions import Self

from composer.blueprint import Blueprint
from composer.draw import make_diagram, to_svg
from composer.graph.accelerated import refuse
from composer.graph.description import Provenance
from composer.graph.execution import Execution
from composer.graph.freezing import set_frozen_norms_to_eval
from composer.graph.frozen_random import FrozenNote
from composer.graph.modules import make_table, require_module
from composer.graph.weights import find_random_nodes
from composer.html_parts import embed_picture, make_heading
from composer.language import Mode, Spec
from composer.plurals import count_noun

if TYPE_CHECKING:
    from composer.graph.graph import Graph


class BuiltGraph(nn.Module):
    """The modules of a checked spec under the names of its nodes.

    Args:
        blueprint: the checked spec, or a part of it.
        built: modules and functions by node path; nodes that are not here cannot be run.
        seed: the seed that the modules were built from.

    Attributes:
        source: of an optimised graph, the graph whose modules it shares; None of others.
        provenance: where the weights came from.
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

    def train(self, mode: bool = True) -> Self:
        """Chooses training or inference; frozen batch normalisations stay in the latter.

        Raises:
            InputError: to train an optimised graph.
        """
        if self.source is not None:
            if mode:
                refuse("trained")
            self.source.train(False)
            return self
        self._choose_mode(mode)
        if mode and self._frozen_note is not None:
            self._frozen_note.log(self)
        return self

    @contextmanager
    def in_training_mode(self) -> Iterator[None]:
        """Puts the graph into training mode to look at it, before its weights are loaded."""
        before = self.training
        self._choose_mode(True)
        try:
            yield
        finally:
            self._choose_mode(before)

    def _choose_mode(self, is_training: bool) -> None:
        super().train(is_training)
        self._callables.train(is_training)
        set_frozen_norms_to_eval(self.spec.freeze, self._callables)

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

    @property
    def callables(self) -> Mapping[str, Callable[..., Any]]:
        """What each node calls, by path: a module of this graph, or a function."""
        return self._callables

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        """Loads a state dict as torch does; into an optimised graph none can be loaded."""
        if self.source is not None:
            refuse("loaded")
        return super().load_state_dict(*arguments, **named)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        if self.source is not None:
            refuse("moved or cast")
        untyped: Any = super()
        applied: Self = untyped._apply(fn, recurse)
        return applied

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Lets parameters be trained or not, as torch does; not those of an optimised graph."""
        if self.source is not None and requires_grad:
            refuse("trained")
        return super().requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _repr_html_(self) -> str:
        """The drawing of the graph in its mode, in notebooks."""
        drawing = to_svg(make_diagram(self.blueprint, self.mode)).encode()
        return make_heading(repr(self)) + embed_picture(drawing, "svg+xml", alt=repr(self))

    def extra_repr(self) -> str:
        """The name and the size of the graph."""
        counts = [
            f"{count_noun(len(self.nodes(mode)), 'node')} in {mode}"
            for mode in self.blueprint.modes
        ]
        return f"{self.spec.name}: {', '.join(counts)}"
