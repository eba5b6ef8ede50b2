"""The options of how inference runs: optimised, in a lower precision, or on an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from composer.blueprint import Blueprint, Plan
    from composer.graph import Graph

_QUANTISED = "int8"
_MAX_IMAGES = 64  # of a folder; more change next to nothing


class InferenceWay(NamedTuple):
    """How a command runs inference.

    Attributes:
        precision: float32, bfloat16 or int8.
        optimize: whether to optimise; None if told nothing.
        by_default: whether to optimise if told nothing. A lower precision does in any case.
        engine: the engine that runs the dense nodes, or None.
        calibrate: a folder of images that int8 is calibrated on, or None.
    """

    precision: str
    optimize: bool | None
    by_default: bool
    engine: str | None
    calibrate: str | None

    @property
    def of_torch(self) -> str:
        """The precision of what PyTorch runs."""
        return "float32" if self.precision == _QUANTISED else self.precision

    @property
    def optimizes(self) -> bool:
        """Whether PyTorch's nodes are optimised."""
        wanted = self.by_default or self.of_torch != "float32"
        return wanted if self.optimize is None else self.optimize

    def check(self) -> None:
        """Makes sure that the options fit each other, and that the engine can run here.

        Raises:
            UsageError: one option needs or excludes another.
            InputError: there is no such engine, it is not installed, or it lacks the precision.
        """
        if self.precision != "float32" and self.optimize is False and self.engine is None:
            raise click.UsageError(
                f"--precision {self.precision} is an optimisation: leave --no-optimize"
            )
        if self.precision == _QUANTISED and self.engine is None:
            raise click.UsageError(
                "--precision int8 needs an engine: --engine openvino or --engine onnxruntime"
            )
        if self.precision == _QUANTISED and self.calibrate is None:
            raise click.UsageError(
                "--precision int8 is calibrated on images like yours: --calibrate FOLDER"
            )
        if self.precision != _QUANTISED and self.calibrate is not None:
            raise click.UsageError("--calibrate is for --precision int8")
        if self.engine is not None:
            from composer.acceleration import check_precision, find_engine

            check_precision(find_engine(self.engine), self.precision)

    def refuse_training(self) -> None:
        """Makes sure that nothing is asked for that training does not have.

        Raises:
            UsageError: if there is.
        """
        if self.optimize or self.precision != "float32" or self.engine is not None:
            raise click.UsageError(
                "only inference is optimised: leave --optimize, --precision and --engine"
            )

    def apply(self, graph: Graph, *, quiet: bool = False) -> Graph:
        """The graph as the options ask for, with a line on what was applied.

        Args:
            graph: the graph, in inference mode, with its weights.
            quiet: print no line.

        Raises:
            InputError: the engine takes no node, or the folder has no images.
        """
        if self.optimizes:
            graph = graph.optimize(self.of_torch)
        if self.engine is not None:
            batches = None if self.calibrate is None else read_batches(graph, self.calibrate)
            graph = graph.accelerate(self.engine, precision=self.precision, calibrate=batches)
        if graph.optimization and not quiet:
            click.echo(f"optimised: {graph.optimization}", err=True)
        return graph

    def annotate(self, plan: Plan, blueprint: Blueprint) -> Plan:
        """A plan with remarks on what would be applied, for which nothing is built.

        Args:
            plan: a plan of inference.
            blueprint: the checked spec that it was made on.
        """
        from composer.graph import annotate_plan, plan_with_engine

        notes = annotate_plan(plan, blueprint, self.of_torch).notes if self.optimizes else ()
        if self.engine is not None:
            plan = plan_with_engine(plan, blueprint, self.engine, self.precision)
        return replace(plan, notes=(*plan.notes, *notes))


def inference_options(*, by_default: bool) -> Callable[[Any], Any]:
    """The options --precision, --optimize/--no-optimize, --engine and --calibrate, as `way`.

    Args:
        by_default: whether the command optimises in float32 if told nothing.
    """
    options = (
        click.option(
            "--precision",
            type=click.Choice(["float32", "bfloat16", _QUANTISED]),
            default="float32",
            show_default=True,
            help="Precision of inference; boxes and scores stay in float32. int8 with --engine.",
        ),
        click.option(
            "--optimize/--no-optimize",
            "optimize",
            default=None,
            help="Fold normalisations and lay out weights for inference, or run the modules as "
            f"they are.  [default: {'optimize' if by_default else 'no-optimize'}]",
        ),
        click.option(
            "--engine",
            metavar="NAME",
            help="Engine that runs the dense nodes: inductor, onnxruntime, openvino, or another "
            "that is installed.",
        ),
        click.option(
            "--calibrate",
            metavar="FOLDER",
            help=f"With --precision int8: images of yours, of which up to {_MAX_IMAGES} are used.",
        ),
    )

    def decorate(command: Any) -> Any:
        @wraps(command)
        def with_way(
            *arguments: Any,
            precision: str,
            optimize: bool | None,
            engine: str | None,
            calibrate: str | None,
            **named: Any,
        ) -> Any:
            way = InferenceWay(precision, optimize, by_default, engine, calibrate)
            return command(*arguments, way=way, **named)

        decorated: Any = with_way
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def read_batches(graph: Graph, folder: str) -> list[Any]:
    """Batches of an image each, spread over a folder.

    Raises:
        InputError: it has none.
    """
    from composer.data import find_images, read_image

    files = find_images(Path(folder))
    step = max(1, -(-len(files) // _MAX_IMAGES))
    image_format = graph.blueprint.image_format
    return [[read_image(file, image_format)] for file in files[::step]]
