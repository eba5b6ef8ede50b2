"""Options that several commands have, and how their values are parsed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from composer.files import is_there

Decorator = Callable[[Any], Any]

_NAME = re.compile(r"[A-Za-z_][\w.:]*")


def split_assignment(text: str) -> tuple[str, str]:
    """The name and the file of `NAME=FILE`; the name is empty where there is none.

    A file that exists under the whole text is that file, whatever is in its name.
    """
    name, equals, file = text.partition("=")
    if not equals or not _NAME.fullmatch(name) or is_there(text):
        return "", text
    return name, file


def parse_assignments(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """A callback for options where the name may be left out: files by name."""
    return dict(_with_file(text) for text in texts)


def parse_named_assignments(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """A callback for options where the name must be given: files by name."""
    found = dict(_with_file(text) for text in texts)
    if "" in found:
        raise click.BadParameter(f"'{found['']}' is not NODE=FILE")
    return found


def set_option(help: str = "Set a value by its address; repeatable.") -> Decorator:  # noqa: A002 - click's
    """The option --set ADDRESS=VALUE."""
    return click.option("--set", "settings", multiple=True, metavar="ADDRESS=VALUE", help=help)


def weights_option(default: str = "") -> Decorator:
    """The option --weights [NODE=]FILE: checkpoints by node, the empty name for the whole model.

    Args:
        default: where weights come from without it, for the help text.
    """
    return click.option(
        "--weights",
        "-w",
        multiple=True,
        callback=parse_assignments,
        metavar="[NODE=]FILE",
        help="Checkpoint for the model or for one node; repeatable."
        + (f"  [default: {default}]" if default else ""),
    )


def model_option() -> Decorator:
    """The option --model MODEL, of commands whose subject is images."""
    return click.option(
        "--model",
        "-m",
        default="people",
        show_default=True,
        metavar="MODEL",
        help="Model that ships, checkpoint that describes itself, or spec with --weights.",
    )


def threshold_option(of: str) -> Decorator:
    """The option --threshold SCORE.

    Args:
        of: what has the score.
    """
    return click.option(
        "--threshold",
        "-t",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help=f"Minimum score of {of}.",
    )


def names_option() -> Decorator:
    """The option --names DATASET|SPEC."""
    return click.option(
        "--names",
        metavar="DATASET|SPEC",
        help="Class names for a model that has none: coco, coco_panoptic, ...",
    )


_LOADING = (
    click.option("--skip-mismatched", is_flag=True, help="Skip weights of another shape."),
    click.option("--allow-missing", is_flag=True, help="Allow weights that a checkpoint lacks."),
    click.option("--allow-unexpected", is_flag=True, help="Allow weights that no node has."),
    click.option(
        "--key-mapping",
        metavar="NAME|none",
        help="Rename the weights with this key mapping.  [default: the one that fits best, if any]",
    ),
    click.option(
        "--section",
        metavar="NAME",
        help="State dict or prefix to read of a checkpoint with several.  [default: what fits "
        "best; averaged weights of equals]",
    ),
)
LOAD_ARGUMENTS = (
    "skip_mismatched",
    "allow_missing",
    "allow_unexpected",
    "key_mapping",
    "section",
)


def loading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of loading weights, which the command receives as `load_arguments`."""

    @wraps(command)
    def collected(*args: Any, **given: Any) -> Any:
        arguments = {name: given.pop(name) for name in LOAD_ARGUMENTS}
        return command(*args, load_arguments=arguments, **given)

    wrapped: Callable[..., Any] = collected
    for option in reversed(_LOADING):
        wrapped = option(wrapped)
    return wrapped


def mode_option(help: str) -> Decorator:  # noqa: A002 - click's
    """The option --mode: training or inference."""
    return click.option(
        "--mode",
        type=click.Choice(["training", "inference"]),
        default="inference",
        show_default=True,
        help=help,
    )


def until_option(help: str) -> Decorator:  # noqa: A002 - click's
    """The option --until NODE."""
    return click.option("--until", "-u", multiple=True, metavar="NODE", help=help)


def inputs_option(help: str) -> Decorator:  # noqa: A002 - click's
    """The option --input [NAME=]FILE."""
    return click.option("--input", "-i", "inputs", multiple=True, metavar="[NAME=]FILE", help=help)


def device_option() -> Decorator:
    """The option --device."""
    return click.option(
        "--device", default="cpu", show_default=True, help="Device, as in torch.device."
    )


def seed_option(help: str) -> Decorator:  # noqa: A002 - click's
    """The option --seed."""
    return click.option("--seed", type=int, default=0, show_default=True, help=help)


def images_option(whose: str = "the annotations in --data") -> Decorator:
    """The option --images DIR, of commands that take annotations."""
    return click.option("--images", metavar="DIR", help=f"Folder of the images of {whose}.")


def dataset_option(default: str = "all") -> Decorator:
    """The option --dataset NAME."""
    return click.option(
        "--dataset",
        "names",
        multiple=True,
        metavar="NAME",
        help=f"Use this dataset only; repeatable.  [default: {default}]",
    )


def format_option() -> Decorator:
    """The option --format NAME, of commands that take annotations in any format."""
    return click.option(
        "--format",
        "format_",
        metavar="NAME",
        help="Format of the annotations, where it could be several.",
    )


def pictures_option() -> Decorator:
    """The option --pictures, of commands that write datasets."""
    return click.option(
        "--pictures",
        type=click.Choice(["copy", "link", "none"]),
        default="copy",
        show_default=True,
        help="Copy images, link them, or leave them where they are (COCO only).",
    )


def offline_option() -> Decorator:
    """The option --offline, of commands that fetch weights by address; they receive nothing."""

    def forbid(context: click.Context, _option: click.Parameter, is_set: bool) -> None:
        if is_set:
            forbid_fetching(context, "--offline")

    return click.option(
        "--offline",
        is_flag=True,
        expose_value=False,
        callback=forbid,
        help="Fetch nothing; use what is in the cache.",
    )


def forbid_fetching(context: click.Context, reason: str) -> None:
    """Forbids to fetch files until a command is over; see `without_fetching`."""
    from composer.downloads import without_fetching

    context.with_resource(without_fetching(reason))


def json_option() -> Decorator:
    """The option --json."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )


def text_file_option() -> Decorator:
    """The option --output FILE, of commands that print a text or write it to a file."""
    return click.option(
        "--output", "-o", metavar="FILE", help="File to write.  [default: standard output]"
    )


def image_size_option() -> Decorator:
    """The option --image-size SHORTER[,LONGER]."""
    return click.option(
        "--image-size",
        callback=_parse_image_size,
        metavar="SHORTER[,LONGER]",
        help="Shorter side in pixels, and limit of the longer; 0 keeps the images' own size.  "
        "[default: the model's]",
    )


def sample_range_option() -> Decorator:
    """The option --sample-range BLACK,WHITE."""
    return click.option(
        "--sample-range",
        callback=_parse_sample_range,
        metavar="BLACK,WHITE",
        help="Samples that are black and white in images of more than 8 bits.  [default: what the "
        "files say]",
    )


def _parse_sample_range(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        black, white = (float(number) for number in text.split(","))
    except ValueError:
        black, white = 0, 0
    if not -math.inf < black < white < math.inf:  # NaN, too
        raise click.BadParameter(f"'{text}' is not BLACK,WHITE, such as 0,4095")
    return black, white


def _with_file(text: str) -> tuple[str, str]:
    name, file = split_assignment(text)
    if not file:
        raise click.BadParameter(f"'{text}' names no file")
    return name, file


def _parse_image_size(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> int | tuple[int, int] | None:
    if text is None:
        return None
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 0:
        raise click.BadParameter(f"'{text}' is neither 480 nor 480,832, in pixels")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
