"""`composer describe`: describes a checkpoint or a saved value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.options import offline_option
from composer.cli.output import count_things, print_columns
from composer.discovery import DISTRIBUTION
from composer.files import is_there
from composer.model_source import CHECKPOINT_SUFFIXES, DOCUMENT_SUFFIXES, find_model_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.checkpoint import CheckpointDescription
    from composer.exporting import ProgramExporter
    from composer.language import Spec

_SPEC = "composer.spec"
_HIDDEN = (_SPEC, "composer.format", "composer.value", "composer.value.form")
_KINDS = {
    "spec": "a spec",
    "experiment": "an experiment with the spec {spec}",
    "published": "a published model with the spec {spec}",
    "folder": "the folder of a model, {spec}",
}
_WEIGHTS = ("safetensors", "pth")
_NAMES = ("thing_classes", "stuff_classes", "keypoint_names")


@click.command(short_help="Describe a checkpoint, an exported file or a saved value.")
@click.argument("file", metavar="FILE|MODEL")
@offline_option()
def describe(file: str) -> None:
    """Describe FILE: a checkpoint of any known format, an exported file, or a saved value.

    A MODEL is the name of one that ships or of a spec, the folder of a run, or an experiment. The
    tensors of a checkpoint are counted by node. No code in the file can run.
    """
    if (exporter := _find_program_format(file)) is not None:
        _describe_program(file, exporter)
        return
    kind, name = find_model_source(file)
    if kind == "checkpoint":
        _describe_file(name)
    else:
        _describe_spec(file, kind)


def _find_program_format(file: str) -> ProgramExporter | None:
    """The format of a file that is there and was exported; None if it is something else."""
    from composer.registry import EXPORTER_GROUP, Registry

    path = Path(file)
    ending = path.suffix.lower().removeprefix(".")
    registry = Registry.installed(EXPORTER_GROUP)
    if ending not in registry.names() or not is_there(path):
        return None
    if ending in _WEIGHTS:  # without the import
        return None
    is_ours = any(each.distribution == DISTRIBUTION for each in registry.find_all(ending))
    if not is_ours and path.suffix.lower() in (*CHECKPOINT_SUFFIXES, *DOCUMENT_SUFFIXES):
        return None  # specs and checkpoints stay what they are
    from composer.exporting import ProgramExporter, load_exporter

    exporter = load_exporter(ending)
    return exporter if isinstance(exporter, ProgramExporter) else None


def _describe_program(file: str, exporter: ProgramExporter) -> None:
    """Describes a file of a program by its metadata; nothing of it is run."""
    from composer.exporting import parse_file_description

    metadata = exporter.read_metadata(Path(file))
    found = parse_file_description(metadata, file)
    if found is None:
        click.echo(f"{file}: a file of another program: it does not describe itself")
        _print_metadata(metadata)
        return
    click.echo(f"{file}: {metadata.get('composer.name', 'a part of a model')}, exported")
    ends = [("until", found.until or ("its outputs",)), ("fed", found.feeds)]
    print_columns([(name, ", ".join(nodes)) for name, nodes in ends if nodes], indent=2)
    for name, tensors in (("inputs", found.inputs), ("outputs", found.outputs)):
        click.echo(f"\n{name}")
        rows: list[tuple[str, ...]] = [(tensor.name, str(tensor)) for tensor in tensors]
        if name == "outputs":
            errors = found.checked
            rows = [(n, text, f"error {errors[n]:.2g}" if n in errors else "") for n, text in rows]
        print_columns(rows, indent=2)
    click.echo(f"\nchecked with a tolerance of {found.tolerance:g} on")
    for sizes in found.examples:
        click.echo(f"  {sizes}")
    _print_metadata({key: value for key, value in metadata.items() if key != "composer.export"})


def _describe_spec(model: str, kind: str) -> None:
    """Describes a spec, which has no tensors, or that of an experiment."""
    from composer.blueprint import resolve_spec
    from composer.downloads import without_secrets
    from composer.graph import read_model
    from composer.language import load_spec

    parts = read_model(model)
    spec = load_spec(parts.spec, set=parts.settings)
    nodes = resolve_spec(spec).nodes
    own = spec.weights if parts.weights is None else parts.weights
    files = own if isinstance(own, Mapping) else {"": own}
    what = _KINDS[kind].format(spec=_name_published(model) if kind == "published" else spec.label)
    click.echo(f"{model}: {what}, {count_things(len(nodes), 'node')}")
    if spec.doc:
        click.echo(f"  {' '.join(spec.doc.split())}")
    shown = {path or "all": without_secrets(str(file)) for path, file in files.items()}
    weights = ", ".join(f"{path}: {file}" for path, file in shown.items())
    what = "initial weights" if kind == "experiment" else "weights"
    click.echo(f"  {what}: {weights or 'none'}")
    _print_names(spec)


def _name_published(model: str) -> str:
    """The spec of a published model; the document that its catalogue makes has the model's name."""
    from composer.catalogues import require_entry
    from composer.registry import short_name

    return short_name(require_entry(model).spec or "")


def _describe_file(file: str) -> None:
    from composer.checkpoint import describe_checkpoint
    from composer.storage import is_stored_value, read_value
    from composer.values import describe as describe_value

    found = describe_checkpoint(file)
    is_value = is_stored_value(found.metadata)
    click.echo(f"{found.path}: {'a saved value' if is_value else 'a checkpoint'} {_size(found)}")
    if is_value:
        click.echo(f"  value: {describe_value(read_value(found.path))}")
    else:
        spec = _read_spec(found)
        _print_sections(found)
        _print_nodes(found, spec)
        if spec is not None:
            _print_names(spec)
    _print_metadata(found.metadata)


def _print_metadata(metadata: Mapping[str, str]) -> None:
    shown = [(key, value) for key, value in sorted(metadata.items()) if key not in _HIDDEN]
    if shown:
        click.echo("\nmetadata")
        print_columns([(key, _shorten(value)) for key, value in shown], indent=2)


def _size(found: CheckpointDescription) -> str:
    size = sum(math.prod(shape) for shape in found.shapes.values())
    tensors = count_things(len(found.shapes), "tensor")
    return f"({found.format}), {tensors} with {_count(size)} numbers"


def _print_sections(found: CheckpointDescription) -> None:
    """Prints the state dicts of a file that has several, and the objects that were not read."""
    if len(found.sections) > 1:
        rows = [("section", "tensors", "numbers")]
        for name, shapes in found.sections.items():
            numbers = sum(map(math.prod, shapes.values()))
            rows.append((name or "the top", str(len(shapes)), _count(numbers)))
        print_columns(rows, indent=2)
        click.echo(f"\n{next(iter(found.sections)) or 'the top'}")
    if found.passed_over:
        click.echo(f"  {found.passed_over}")


def _print_nodes(found: CheckpointDescription, spec: Spec | None) -> None:
    namespaces = {} if spec is None else _namespaces(spec)
    sizes: dict[str, list[int]] = {}
    for key, shape in found.shapes.items():
        node = _owner(key, namespaces) if namespaces else _guess_owner(key)
        sizes.setdefault(node, []).append(math.prod(shape))
    rows = [("node" if namespaces else "keys below", "tensors", "numbers")]
    rows += [(node, str(len(counts)), _count(sum(counts))) for node, counts in sizes.items()]
    print_columns(rows, indent=2)


def _print_names(spec: Spec) -> None:
    """Prints the names of a spec, and what is frozen and recomputed, as far as it says them."""
    stated = spec.metadata.as_document()
    rows = [(key.replace("_", " "), _listing(stated[key])) for key in _NAMES if key in stated]
    if rows:
        click.echo("\nnames")
        print_columns(rows, indent=2)
    if spec.freeze:
        click.echo(f"\nfrozen\n  {', '.join(spec.freeze)}")
    if recomputed := _list_recomputed(spec):
        click.echo(f"\nrecomputed for gradients\n  {', '.join(recomputed)}")


def _list_recomputed(spec: Spec) -> list[str]:
    """The outermost nodes and nested graphs that say `recompute: true`."""
    found: list[str] = []
    for path, node in spec.graph.walk():
        is_inside = any(path.startswith(f"{outer}.") for outer in found)
        if node.recompute and not is_inside:
            found.append(path)
    return found


def _listing(names: Sequence[str]) -> str:
    return f"{len(names)}: {_shorten(', '.join(names))}"


def _read_spec(found: CheckpointDescription) -> Spec | None:
    """The spec in a checkpoint, if there is a valid one; the reason is printed if it is not."""
    from composer.errors import CheckpointError, SpecError
    from composer.graph import parse_description
    from composer.language import load_spec

    if _SPEC not in found.metadata:
        return None
    try:
        return load_spec(parse_description(found.metadata, found.path).spec)
    except (CheckpointError, SpecError) as error:
        click.echo(f"  its model cannot be used: {error}")
        return None


def _namespaces(spec: Spec) -> dict[str, str]:
    """The nodes by namespace, if all node types are installed."""
    from composer.blueprint import resolve_spec
    from composer.errors import SpecError

    try:
        nodes = resolve_spec(spec).nodes
    except SpecError:
        return {}
    return {node.namespace: path for path, node in nodes.items() if node.same_as is None}


def _owner(key: str, namespaces: Mapping[str, str]) -> str:
    """The node with the longest namespace that the key begins with."""
    parts = key.split(".")
    for length in range(len(parts), -1, -1):
        if (path := namespaces.get(".".join(parts[:length]))) is not None:
            return path
    return "(no node)"


def _guess_owner(key: str) -> str:
    """The probable node of a key: its first two names, without that of the tensor."""
    return ".".join(key.split(".")[:-1][:2]) or key


def _count(number: int) -> str:
    """`44.4 M`, `1.2 k`, `81`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _shorten(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:300]}…"
