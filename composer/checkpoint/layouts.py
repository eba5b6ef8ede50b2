"""Layouts of checkpoints: the weights in the content of a pickle or a file of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from composer.checkpoint.placeholders import (
    Placeholder,
    describe_placeholders,
    find_placeholders,
)
from composer.checkpoint.sections import Section, find_sections, is_wrapper
from composer.errors import CheckpointError

_OUR_METADATA = "composer"
_AUTHOR = "__author__"
HEURISTICS = "matching_heuristics"
_BATCH_COUNT = "num_batches_tracked"
_PYCLS = "model_state"
_SAVE_STATE = "torch.save(model.state_dict(), 'model.pth')"


@dataclass(frozen=True)
class Contents:
    """The parts of a checkpoint, with the keys that they have in the file.

    Attributes:
        sections: its state dicts, the preferred one first.
        metadata: the metadata of the file.
        training_state: everything else than the first section.
        matching_heuristics: its keys are to be matched by suffix.
        family: the codebase that wrote it, where that shows; else empty.
        passed_over: the objects in it that were not read, as one line; else empty.
    """

    sections: tuple[Section, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    training_state: Mapping[str, object] = field(default_factory=dict)
    matching_heuristics: bool = False
    family: str = ""
    passed_over: str = ""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The tensors of the preferred section."""
        return self.sections[0].tensors


def find_contents(document: object, *, source: str) -> Contents:
    """Separates the weights in `document` from everything else.

    Args:
        document: a state dict, or a dict with one or several, up to three levels deep.
        source: name of the file, for messages.

    Raises:
        CheckpointError: there are no weights in it.
    """
    if _is_optimizer(document):
        raise CheckpointError(
            f"{source}: the state of an optimizer, which has no weights of a model. "
            f"Name the file that was written by {_SAVE_STATE}."
        )
    if isinstance(document, Placeholder):
        _refuse_modules(document, [], source)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise CheckpointError(
            f"{source}: it holds a {type(document).__name__}, and a checkpoint is a dict of "
            "tensors by name."
        )
    sections = find_sections(document)
    _refuse_modules(document, sections, source)
    if not sections:
        raise CheckpointError(f"{source}: it has no tensors. {_describe_rest(document)}")
    if sections[0].name == _PYCLS:
        sections = [_without_batch_counts(section) for section in sections]
    rest = _without(document, sections[0])
    is_pycls = sections[0].name == _PYCLS
    return Contents(
        sections=tuple(sections),
        metadata=_take_metadata(rest),
        matching_heuristics=bool(rest.pop(HEURISTICS, False)) or is_pycls,
        training_state=rest,
        family="pycls" if is_pycls else "",
        passed_over=describe_placeholders(document),
    )


def _refuse_modules(document: object, sections: Sequence[Section], source: str) -> None:
    """Refuses a file whose weights are inside of objects that were not read.

    Raises:
        CheckpointError: as said.
    """
    found = list(find_placeholders(document))
    has_weights = any(section.name and is_wrapper(section.name) for section in sections)
    modules = [
        placeholder.name
        for path, placeholder in found
        if placeholder.is_module and not has_weights and (not sections or is_wrapper(path))
    ]
    if modules:
        raise CheckpointError(
            f"{source}: refused the global '{modules[0]}': a whole module instead of its weights, "
            f"whose code would have to run. Where it was written, save the weights: {_SAVE_STATE}."
        )
    if found and not sections:
        raise CheckpointError(
            f"{source}: it has no tensors outside of objects, whose code would have to run "
            f"({describe_placeholders(document)}). Where it was written, save the weights: "
            f"{_SAVE_STATE}."
        )


def _is_optimizer(document: object) -> bool:
    """Whether a document is the state dict of an optimizer of torch, or has nothing else."""
    if not isinstance(document, dict):
        return False
    if document.keys() == {"state", "param_groups"}:
        return True
    return len(document) == 1 and all(
        "optim" in str(key) and _is_optimizer(value) for key, value in document.items()
    )


def _describe_rest(document: Mapping[str, object]) -> str:
    keys = next((v for v in document.values() if isinstance(v, dict)), document)
    if len(document) > 1:
        keys = document
    return f"Its keys: {_listing(keys)}."


def _without_batch_counts(section: Section) -> Section:
    kept = {k: v for k, v in section.tensors.items() if not k.endswith(_BATCH_COUNT)}
    return Section(section.name, kept, section.others)


def _without(document: Mapping[str, object], section: Section) -> dict[str, object]:
    """The document without the tensors of a section."""
    if not section.name:
        return dict(section.others)
    first = next(k for k in document if section.name == k or section.name.startswith(f"{k}."))
    rest = {key: value for key, value in document.items() if key != first}
    return {**rest, **section.others}


def _take_metadata(rest: dict[str, object]) -> dict[str, str]:
    metadata = {}
    described = rest.pop(_OUR_METADATA, None)
    if isinstance(described, dict):
        metadata = {str(key): str(value) for key, value in described.items()}
    author = rest.pop(_AUTHOR, None)
    if isinstance(author, str):
        metadata["author"] = author
    return metadata


def _listing(weights: Mapping[object, object] | Mapping[str, object], limit: int = 8) -> str:
    shown = ", ".join(f"{key!s:.40}" for key in list(weights)[:limit])
    return shown + (", ..." if len(weights) > limit else "") or "none"
