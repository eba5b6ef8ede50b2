"""`composer run`: runs a model, or the part of it that is asked for."""

from __future__ import annotations

from typing import Any

import click

from composer.cli.options import parse_assignments, parse_named_assignments


@click.command(short_help="Run a model, or the part of it that is asked for.")
@click.argument("spec")
@click.option(
    "--until", "-u", multiple=True, metavar="NODE", help="Run what this needs; repeatable."
)
@click.option(
    "--input",
    "-i",
    "inputs",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Images, folders of images, or files of tensors (.npz, .npy, .safetensors, .pt, .json); "
    "repeatable.  [default: the spec's example]",
)
@click.option(
    "--feed",
    "-f",
    "feeds",
    multiple=True,
    metavar="NODE=FILE",
    callback=parse_named_assignments,
    help="Use a saved value, or a file of tensors, instead of computing it; repeatable.",
)
@click.option(
    "--weights",
    "-w",
    multiple=True,
    metavar="[NODE=]FILE",
    callback=parse_assignments,
    help="A checkpoint for the model or for one node; repeatable.  [default: the spec's, if any]",
)
@click.option("--skip-mismatched", is_flag=True, help="Leave weights of another shape as they are.")
@click.option("--allow-missing", is_flag=True, help="Leave weights that a checkpoint lacks.")
@click.option("--allow-unexpected", is_flag=True, help="Pass over weights that no node has.")
@click.option(
    "--set", "settings", multiple=True, metavar="ADDRESS=VALUE", help="Set a value; repeatable."
)
@click.option(
    "--mode",
    type=click.Choice(["training", "inference"]),
    default="inference",
    show_default=True,
    help="Which nodes and wires to use; training wants ground truth in the input.",
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where to run, as in torch.device."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="For random weights and nodes that draw."
)
@click.option("--dry-run", is_flag=True, help="Print the plan; build and run nothing.")
@click.option("--profile", is_flag=True, help="Measure the memory of every node, too.")
@click.option(
    "--save",
    metavar="PATH",
    help="File or folder for the results.  [default: runs/<name>/<node>.safetensors]",
)
@click.option("--no-save", is_flag=True, help="Save nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def run(**options: Any) -> None:
    """Run SPEC, whole or until the nodes that are asked for.

    A NODE is a path (`roi_heads.mask_pooler`), a port of one (`roi_heads.detections.boxes`), a tap
    inside one (`backbone.bottom_up:res4.5.conv2`), or any end of these that is unique.
    """
    from composer.cli.run_request import RunRequest
    from composer.cli.running import run_request

    run_request(RunRequest(**options))
