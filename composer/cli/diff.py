"""`composer diff`: compares two models by structure, weights and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from composer.cli.options import (
    device_option,
    inputs_option,
    json_option,
    loading_options,
    offline_option,
    parse_assignments,
    seed_option,
    set_option,
    until_option,
    weights_option,
)
from composer.cli.output import format_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from composer.comparison import ComparedModels
    from composer.graph import LoadArguments
    from composer.model_variants import ModelVariant


class ComparingCommand(click.Command):
    """A command whose exit code 1 is an answer, so that mistakes have another."""

    mistake_code = 2


def _of_one(which: str, letter: str) -> Callable[[Any], Any]:
    """The options --weights-a and --set-a, of one of the models."""

    def decorate(command: Any) -> Any:
        weights = click.option(
            f"--weights-{letter}",
            multiple=True,
            callback=parse_assignments,
            metavar="[NODE=]FILE",
            help=f"Checkpoint for the {which} model only; repeatable.",
        )
        settings = click.option(
            f"--set-{letter}",
            f"settings_{letter}",
            multiple=True,
            metavar="ADDRESS=VALUE",
            help=f"Set a value of the {which} model only; repeatable.",
        )
        return weights(settings(command))

    return decorate


@click.command(cls=ComparingCommand, short_help="Compare two models: structure, weights, values.")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@inputs_option("Images, folders of images, or files of tensors; repeatable.  [default: example]")
@until_option("Compare this node and what it needs, nothing else; repeatable.")
@click.option(
    "--tolerance",
    type=float,
    metavar="NUMBER",
    help="Difference, relative to the largest number, up to which values are the same, and norms "
    "of weights.  [default: 0.0001 for values; weights have to be equal]",
)
@click.option(
    "--no-run", is_flag=True, help="Compare structure and weights; build and run nothing."
)
@weights_option(default="the models' own, if any")
@_of_one("first", "a")
@_of_one("second", "b")
@loading_options
@set_option("Set a value of both models; repeatable.")
@click.option("--calibrate", metavar="FOLDER", help="Typical images, for int8.  [default: --input]")
@offline_option()
@device_option()
@seed_option("Seed for initial weights and stochastic nodes.")
@json_option()
@click.pass_context
def diff(
    context: click.Context,
    one: str,
    other: str,
    *,
    inputs: Sequence[str],
    until: Sequence[str],
    tolerance: float | None,
    no_run: bool,
    weights: Mapping[str, str],
    weights_a: Mapping[str, str],
    weights_b: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    settings_a: Sequence[str],
    settings_b: Sequence[str],
    calibrate: str | None,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Compare the models A and B: what differs by structure, in weights, and on an input.

    A model is named as for `composer run`, and may have a variant: A@bfloat16, A@openvino,
    A@openvino:int8, A@optimized. A checkpoint that does not say which model it belongs to is taken
    as weights of the other model.

    On the input both run, node by node. A node of B that gives something else runs once more,
    alone, on the values of A: so nodes that differ are told from those that follow them.

    The exit code is 0 if the models are the same, 1 if they differ, 2 for an error.
    """
    from composer.comparison import ComparedModel, find_models
    from composer.model_variants import split_variant

    variants = split_variant(one), split_variant(other)
    models = find_models(
        ComparedModel(variants[0].model, {**weights, **weights_a}, (*settings, *settings_a)),
        ComparedModel(variants[1].model, {**weights, **weights_b}, (*settings, *settings_b)),
        load_arguments,
        (one, other),
    )
    if no_run or models.are_bare:
        _check_not_run(variants, inputs, models)
        found = models.compare_stored(until, tolerance)
    else:
        from composer.cli.diff_run import DiffRun

        run = DiffRun(models, variants, inputs, until, calibrate, device, seed)
        found = run.compare(tolerance)
    click.echo(format_json(found.to_dict()) if as_json else str(found))
    if not found.is_same:
        context.exit(1)


def _check_not_run(
    variants: Sequence[ModelVariant], inputs: Sequence[str], models: ComparedModels
) -> None:
    """Makes sure that nothing is asked for that needs a run.

    Raises:
        UsageError: if there is.
    """
    reason = "--no-run" if not models.are_bare else models.notes[0]
    if inputs:
        raise click.UsageError(f"{reason}: nothing is run, so leave --input")
    if any(not each.is_eager for each in variants):
        raise click.UsageError(f"{reason}: variants differ in what they compute, not in weights")
