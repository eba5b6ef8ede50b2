"""Other names for weights in a state dict than those of the modules that hold them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn


def rename_state(module: nn.Module, names: Mapping[str, str]) -> None:
    """Lets a module's state dict call its parts as checkpoints do.

    `rename_state(module, {"body.": ""})` keeps what is below `body` one level higher.

    Args:
        module: its state dict is written and read under the new names from then on.
        names: how names begin within the module -> how they begin in its state dict.
    """
    # torch leaves the hooks' registration untyped.
    untyped: Any = module
    untyped.register_state_dict_post_hook(partial(_rename, names=dict(names)))
    untyped.register_load_state_dict_pre_hook(
        partial(_rename, names={new: old for old, new in names.items()})
    )


def _rename(
    _module: nn.Module,
    state: dict[str, Tensor],
    prefix: str,
    *_: Any,
    names: Mapping[str, str],
) -> None:
    """Renames the module's own entries, in place and in order."""
    for key in [key for key in state if key.startswith(prefix)]:
        name = key.removeprefix(prefix)
        old = max((old for old in names if name.startswith(old)), key=len, default=None)
        renamed = name if old is None else names[old] + name.removeprefix(old)
        state[prefix + renamed] = state.pop(key)
