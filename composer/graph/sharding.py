"""State dicts of graphs whose weights are spread over processes (FSDP2), or are not.

Nothing here makes a whole copy of a model on any device: tensors are gathered and handed out one
after the other, and the whole is in the CPU memory of the first process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, distributed, nn

if TYPE_CHECKING:
    from torch.distributed.checkpoint.state_dict import StateDictOptions


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
