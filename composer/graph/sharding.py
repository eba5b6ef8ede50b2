"""State dicts and batches of graphs whose weights are spread over processes (FSDP2), or are not.

Nothing here makes a whole copy of a model on any device: tensors are gathered and handed out one
after the other, and the whole is in the CPU memory of the first process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, distributed, nn

from composer.errors import ComposerError

if TYPE_CHECKING:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

B = TypeVar("B")


def is_sharded(model: nn.Module) -> bool:
    """Whether the weights of a model are spread over several processes."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return False
    from torch.distributed.tensor import DTensor

    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def gather_state(model: nn.Module, *, copy: bool = False) -> dict[str, Tensor]:
    """The state dict of a model.

    Args:
        model: the model. If it is sharded, all processes call this together, and all but the first
            get nothing.
        copy: whether the tensors are to stay as they are when the model changes.
    """
    if is_sharded(model):
        from torch.distributed.checkpoint.state_dict import get_model_state_dict

        state: Mapping[str, Any] = get_model_state_dict(model, options=whole_on_first())
    else:
        state = model.state_dict()
    return {key: t.detach().to("cpu", copy=True) if copy else t for key, t in state.items()}


def scatter_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Gives a sharded model whole tensors; all processes call it together.

    Args:
        model: the model; what the state lacks stays as it is.
        state: tensors by key, those of the first process.
    """
    from torch.distributed.checkpoint.state_dict import set_model_state_dict

    set_model_state_dict(model, dict(state), options=whole_on_first(loads=True))


def whole_on_first(*, loads: bool = False) -> StateDictOptions:
    """The options for whole tensors in the CPU memory of the first process.

    Args:
        loads: whether it is the first process that gives them to all.
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(
        full_state_dict=True, cpu_offload=not loads, broadcast_from_rank0=loads, strict=False
    )


def in_step(model: nn.Module | None, batches: Iterable[B]) -> Iterator[tuple[B, bool]]:
    """The batches of this process, padded with its first one until no process has any left.

    Weights that are spread over processes are gathered whenever a module runs, by all processes
    together: one that ran fewer batches than the others would leave them waiting. A model that is
    whole on each process gets its batches as they are.

    Args:
        model: what is run. If it is sharded, all processes call this together.
        batches: this process' batches; there may be none.

    Yields:
        A batch, and whether it counts: padding does not.

    Raises:
        ComposerError: what preparing a batch raised, in this process or another.
    """
    if model is not None and is_sharded(model):
        yield from _pad(batches)
    else:
        yield from ((batch, True) for batch in batches)


def _pad(batches: Iterable[B]) -> Iterator[tuple[B, bool]]:
    remaining = iter(batches)
    filler: list[B] = []
    while True:
        found, error = _take(remaining)
        present = _exchange(error or bool(found))
        for state in present:
            if isinstance(state, ComposerError):
                raise state
        if not any(present):
            return
        filler = filler or _share(found, present)
        yield (found or filler)[0], bool(found)


def _take(batches: Iterator[B]) -> tuple[list[B], ComposerError | None]:
    """The next batch, if there is one, or why there is none."""
    try:
        return [next(batches)], None
    except StopIteration:
        return [], None
    except ComposerError as error:  # the other processes are to hear of it
        return [], error


def _exchange(state: bool | ComposerError) -> list[bool | ComposerError]:
    found: list[bool | ComposerError] = [False] * distributed.get_world_size()
    distributed.all_gather_object(found, state)
    return found


def _share(found: list[B], present: list[bool | ComposerError]) -> list[B]:
    """A batch to pad with: this process' first one, or another's where it has none at all."""
    if all(present):
        return found
    first = present.index(True)
    shared = [found if distributed.get_rank() == first else []]
    distributed.broadcast_object_list(shared, first)
    return found or shared[0]


def is_first_process() -> bool:
    """Whether this is the only process, or the first of several, which logs."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank() == 0
    return os.environ.get("RANK", "0") == "0"  # torchrun sets it before the processes meet
