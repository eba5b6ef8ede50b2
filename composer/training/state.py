"""The state of a training as tensors and plain values, and back.

A file of tensors and a JSON text hold it: nothing in it can run when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from composer.checkpoint import SafetensorsTensors, write_checkpoint
from composer.errors import CheckpointError
from composer.json_documents import parse_json_document
from composer.training.buffers import transient_buffers
from composer.training.saved_values import check_values
from composer.training.sharding import OptimizerState, gather_optimizer, scatter_optimizer

_VALUES, _OPTIMIZER, _BUFFER = "composer.training", "optimizer/", "buffer/"


@dataclass(frozen=True)
class TrainingState:
    """The state of a training besides the weights.

    Args:
        tensors: the optimizer's tensors and the buffers that no checkpoint of a model has.
        values: everything else, as plain values.
    """

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]

    def write(self, file: Path) -> None:
        """Writes it to a file.

        Raises:
            CheckpointError: the file cannot be written.
        """
        write_checkpoint(file, self.tensors, metadata={_VALUES: json.dumps(self.values)})

    @classmethod
    def read(cls, file: Path) -> TrainingState:
        """Reads what was written.

        Raises:
            CheckpointError: the file is missing, damaged, or something else.
        """
        try:
            tensors = SafetensorsTensors(file)
            values = parse_json_document(tensors.header.metadata[_VALUES])
        except (OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"{file}: no state of a training: {error}") from error
        return cls(dict(tensors), check_values(values, str(file)))


def collect_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors of an optimizer and the buffers that checkpoints lack, by name.

    Of a sharded model, all processes collect together, and the first one has all of the former.
    """
    found = {
        f"{_OPTIMIZER}{name}/{key}": tensor
        for name, kept in gather_optimizer(model, optimizer).items()
        for key, tensor in kept.items()
    }
    return found | {f"{_BUFFER}{name}": b for name, b in transient_buffers(model).items()}


@torch.no_grad()
def restore_tensors(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, Tensor],
    names: Collection[str],
) -> None:
    """Restores collected tensors.

    Args:
        model: the model.
        optimizer: its optimizer, with the same parameters as then.
        tensors: what `collect_tensors` gave.
        names: what the optimizer keeps for each parameter that it has state of.

    Raises:
        CheckpointError: they belong to other parameters, or to an optimizer that keeps less.
    """
    state: OptimizerState = {}
    for name, tensor in tensors.items():
        if name.startswith(_OPTIMIZER):
            parameter_name, _, key = name.removeprefix(_OPTIMIZER).rpartition("/")
            state.setdefault(parameter_name, {})[key] = tensor
    _require_fit(state, _list_trained(model, optimizer), names)
    scatter_optimizer(model, optimizer, state)
    for name, buffer in transient_buffers(model).items():
        if f"{_BUFFER}{name}" in tensors:
            buffer.copy_(tensors[f"{_BUFFER}{name}"])


def _require_fit(state: OptimizerState, trained: Collection[str], names: Collection[str]) -> None:
    for name, kept in state.items():
        if name in trained and (missing := set(names) - kept.keys()):
            raise CheckpointError(
                f"the saved optimizer has kept no '{min(missing)}' of '{name}': have the options "
                "of the optimizer changed?"
            )
    if others := state.keys() - set(trained):
        raise CheckpointError(
            f"the saved optimizer has a state of '{min(others)}', which is not trained now: has "
            "the experiment changed?"
        )


def _list_trained(model: nn.Module, optimizer: torch.optim.Optimizer) -> set[str]:
    """The names of the parameters of an optimizer."""
    trained = {parameter for group in optimizer.param_groups for parameter in group["params"]}
    return {name for name, parameter in model.named_parameters() if parameter in trained}
