"""The option --edit: edits of values while a model runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.names import did_you_mean

if TYPE_CHECKING:
    from composer.blueprint import Blueprint, Slot
    from composer.graph import Graph
    from composer.language import Mode

_NAME = re.compile(r"[A-Za-z_][\w.:-]*")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_MAX_CHANNEL = 1_000_000
_FORMS = {
    "zero": "zero",
    "scale": "scale:FACTOR",
    "noise": "noise:AMOUNT",
    "keep": "keep:CHANNELS",
    "drop": "drop:CHANNELS",
    "mean": "mean:IMAGES",
    "patch": "patch:IMAGE",
}


@dataclass(frozen=True)
class EditText:
    """One edit, as written on the command line.

    Args:
        node: what is edited.
        kind: the name of the edit.
        argument: a number, a list of channels or a file, as text; empty if there is none.
        value: the number or the channels.
    """

    node: str
    kind: str
    argument: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def word(self) -> str:
        """The edit as the option takes it."""
        return f"{self.node}={self}"


@dataclass(frozen=True)
class EditChoice:
    """The edits that a command was given, in their order."""

    texts: tuple[EditText, ...] = ()

    @staticmethod
    def parse(words: Sequence[str]) -> EditChoice:
        """Reads edits as the option takes them.

        Raises:
            click.BadParameter: a text is none.
        """
        return EditChoice(tuple([_parse(text) for text in words]))

    def find_slots(self, blueprint: Blueprint, mode: Mode) -> tuple[Slot, ...]:
        """The slots that are edited.

        Raises:
            NameResolutionError: a name means nothing or several things.
            InputError: something cannot be edited.
        """
        return tuple(dict.fromkeys(self._find_each(blueprint, mode)))

    def describe(self, blueprint: Blueprint, mode: Mode) -> dict[Slot, tuple[str, ...]]:
        """The edits of each slot, as written.

        Raises:
            NameResolutionError, InputError: as for `find_slots`.
        """
        found: dict[Slot, tuple[str, ...]] = {}
        for text, slot in zip(self.texts, self._find_each(blueprint, mode), strict=True):
            found[slot] = (*found.get(slot, ()), text.word)
        return found

    def without(self, slots: Collection[Slot], blueprint: Blueprint, mode: Mode) -> EditChoice:
        """The edits of other slots.

        Raises:
            NameResolutionError, InputError: as for `find_slots`.
        """
        pairs = zip(self.texts, self._find_each(blueprint, mode), strict=True)
        return EditChoice(tuple([text for text, slot in pairs if slot not in slots]))

    def _find_each(self, blueprint: Blueprint, mode: Mode) -> list[Slot]:
        """The slot of each edit."""
        from composer.graph import find_named_value

        book, types = blueprint.book(mode), blueprint.dependencies(mode)
        return [find_named_value(text.node, book, types).slot for text in self.texts]

    def make(self, graph: Graph) -> dict[str, list[Any]]:
        """The edits by name, for a graph.

        Raises:
            InputError: an image cannot be read, or there is none.
        """
        edits: dict[str, list[Any]] = {}
        for text in self.texts:
            edits.setdefault(text.node, []).append(_make_edit(text, graph))
        return edits

    def hold(self, graph: Graph) -> AbstractContextManager[None]:
        """Lets the edits hold in a `with` block, with a line on them.

        Raises:
            NameResolutionError: a name means nothing or several things.
            InputError: something cannot be edited, or an image cannot be read.
        """
        if not self.texts:
            return nullcontext()
        held = graph.editing(self.make(graph))
        click.echo(f"edited: {', '.join(f'{t.node} ({t})' for t in self.texts)}", err=True)
        return held

    def to_json(self) -> list[dict[str, str]]:
        """The edits as a value that `json.dumps` takes."""
        return [{"node": text.node, "edit": str(text)} for text in self.texts]


def edit_option() -> Callable[[Any], Any]:
    """The option --edit NODE=EDIT, as `edits`."""
    return click.option(
        "--edit",
        "edits",
        multiple=True,
        metavar="NODE=EDIT",
        callback=_parse_all,
        help=f"Edit a value when it is computed: {', '.join(_FORMS.values())}; repeatable.",
    )


def _parse_all(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> EditChoice:
    return EditChoice.parse(texts)


def _parse(text: str) -> EditText:
    node, equals, edit = text.partition("=")
    if not equals or not _NAME.fullmatch(node):
        raise click.BadParameter(f"'{text}' is not NODE=EDIT, such as backbone=zero")
    kind, _, argument = edit.partition(":")
    if kind not in _FORMS:
        raise click.BadParameter(
            f"'{text}': there is no edit '{kind}'. {did_you_mean(kind, _FORMS, 'edits')}"
        )
    wants_argument = kind not in ("zero", "noise")
    if (kind == "zero" and argument) or (wants_argument and not argument):
        raise click.BadParameter(f"'{text}': the form is {node}={_FORMS[kind]}")
    return EditText(node, kind, argument, _read_value(text, kind, argument))


def _read_value(text: str, kind: str, argument: str) -> Any:
    if kind in ("scale", "noise") and argument:
        try:
            return float(argument)
        except ValueError:
            raise click.BadParameter(f"'{text}': '{argument}' is no number") from None
    if kind in ("keep", "drop"):
        return tuple(_read_channels(text, argument))
    return None


def _read_channels(text: str, argument: str) -> Iterator[int]:
    for part in argument.split(","):
        found = _RANGE.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last or last > _MAX_CHANNEL:
            raise click.BadParameter(
                f"'{text}': '{part}' is no channel or range; channels count from 0: 0,3,8-15"
            )
        yield from range(first, last + 1)


def _make_edit(text: EditText, graph: Graph) -> Any:
    from composer import inside

    makers: Mapping[str, Callable[[], Any]] = {
        "zero": lambda: inside.zero,
        "scale": lambda: inside.scale(text.value),
        "noise": lambda: inside.noise() if text.value is None else inside.noise(text.value),
        "keep": lambda: inside.keep_channels(text.value),
        "drop": lambda: inside.drop_channels(text.value),
        "mean": lambda: inside.mean(graph, _read_images(graph, text.argument)),
        "patch": lambda: inside.patch(graph.session(_read_image(graph, text.argument))),
    }
    return makers[text.kind]()


def _read_images(graph: Graph, place: str) -> Iterable[Any]:
    from composer.cli.inference_options import read_batches

    return read_batches(graph, place) if Path(place).is_dir() else [_read_image(graph, place)]


def _read_image(graph: Graph, file: str) -> Any:
    from composer.data import read_image

    return [read_image(Path(file), graph.blueprint.image_format)]
