"""A model of a few weights that learns rows of numbers, for tests of the training loop."""

import json
from itertools import count

import torch
from torch import Tensor, nn

from composer.checkpoint import read_checkpoint
from composer.graph import Graph
from composer.training import RunFolder, Trainer, TrainingSettings
from sample_nodes import NODES, Rows

SPEC = {
    "composer": 1,
    "name": "small",
    "inputs": {"records": "any"},
    "nodes": {
        "stack": {"uses": "stack", "inputs": {"records": "records"}},
        "source": {"uses": "source", "inputs": {"x": "stack"}, "with": {"channels": 4}},
        "body": {"uses": "body", "inputs": {"x": "source"}},
        "noise": {"uses": "noise", "inputs": {"x": "body"}, "when": "training"},
        "losses": {"uses": "losses", "inputs": {"x": "noise"}, "when": "training"},
    },
    "outputs": {"training": {"losses": "losses"}, "inference": {"rows": "body"}},
}


class Body(nn.Module):
    """A layer, a norm, dropout, and an average that no checkpoint has."""

    average: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("average", torch.zeros(()), persistent=False)

    def forward(self, x: Rows) -> Rows:
        if self.training:
            self.average = self.average * 0.9 + x.detach().mean() * 0.1
        rows = nn.functional.dropout(self.norm(self.linear(x)), 0.2, self.training)
        return rows + self.average


def stack(records: list) -> Rows:
    """The rows of the records."""
    return torch.stack([record["row"] for record in records])


class RowBatches:
    """Batches of rows, each a function of its position.

    Args:
        rank: which part of each batch to give.
        size: how many parts there are.
    """

    def __init__(self, rank: int = 0, size: int = 1, poison: int = -1) -> None:
        self.position, self.part, self.poison = (
            0,
            slice(rank * 4 // size, (rank + 1) * 4 // size),
            poison,
        )

    def seek(self, position):
        self.position = position

    def __iter__(self):
        for number in count(self.position):
            generator = torch.Generator().manual_seed(number)
            rows = torch.randn(4, 4, generator=generator)
            if number == self.poison:
                rows[1] = torch.nan
            self.position = number + 1
            records = [
                {"row": row, "image_id": number * 4 + index, "file_name": f"{index}.png"}
                for index, row in enumerate(rows)
            ]
            yield records[self.part]


def make_graph(seed=0, set=()):
    types = {**NODES, "stack": stack, "body": Body}
    return Graph.from_spec(SPEC, nodes=types, seed=seed, set=set)


def make_settings(**changes):
    values = {
        "iterations": 12,
        "optimizer": {"uses": "AdamW", "lr": 0.01},
        "checkpoint": {"every": 5},
        "log_every": 4,
        **changes,
    }
    return TrainingSettings.model_validate_json(json.dumps(values))


def make_trainer(folder, *, batches=None, graph=None, validation=None, **settings):
    return Trainer(
        graph or make_graph(),
        batches or RowBatches(),
        make_settings(**settings),
        RunFolder(folder),
        validation=validation,
        quiet=True,
    )


def records_of(folder, kind=None):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [record for record in found if record.get("kind") == kind]


def weights_of(file):
    return {key: tensor.clone() for key, tensor in read_checkpoint(file).tensors.items()}
