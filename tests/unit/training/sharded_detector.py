"""A small detector whose weights are spread over processes; importable by those that are spawned.

Legend: N images, R regions.
"""

from functools import partial
from itertools import count
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, distributed, nn

from composer import Graph
from composer.errors import InputError
from composer.evaluation import Results, TaskResults, evaluate
from composer.evaluation.collectives import gather_parts
from composer.graph import gather_state, in_step, is_sharded
from composer.structures import Boxes
from composer.training import ProcessGroup, RunFolder, Trainer, Validation
from composer.training.sharding import shard_weights
from sample_nodes import NODES, Rows
from unit.training.small_training import make_settings

EMPTY = 3  # the validation image in which nothing is found
NUM_IMAGES = 5


class Regions(NamedTuple):
    """What is found: rows and boxes of all regions, and their number per image."""

    rows: Rows
    boxes: list[Boxes]


class Pyramid(nn.Module):
    """Stands around the network below it, whose namespace is in its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.Linear(4, 4)

    def forward(self, x: Rows) -> Rows:
        return self.lateral(x) + x


class MaskHead(nn.Module):
    """A number per region."""

    def __init__(self) -> None:
        super().__init__()
        self.predictor = nn.Linear(4, 2)

    def forward(self, x: Rows, boxes: list[Boxes]) -> list[Tensor]:
        assert all(each.tensor.dtype == torch.float32 for each in boxes)
        areas = torch.cat([each.area() for each in boxes])
        found = self.predictor(x).float() * areas[:, None]
        return list(found.split([len(each) for each in boxes]))


def stack(records: list) -> Rows:
    """The rows of the records."""
    return torch.stack([record["row"] for record in records])


def find(x: Rows, records: list) -> Regions:
    """As many regions as a record says, and their boxes, which gradients flow through."""
    numbers = [record["regions"] for record in records]
    rows = x.repeat_interleave(torch.tensor(numbers), dim=0)
    corners = x.float().sigmoid().split(1)
    boxes = [Boxes(one.repeat(n, 1)) for one, n in zip(corners, numbers, strict=True)]
    return Regions(rows, boxes)


def loss(masks: list[Tensor], x: Rows) -> dict[str, Tensor]:
    """A loss of the regions, and one of the images."""
    return {
        "mask": torch.cat(masks).square().sum() / len(masks),
        "image": x.float().square().sum() / len(x),
    }


TYPES = {
    **NODES,
    "stack": stack,
    "pyramid": Pyramid,
    "find": find,
    "mask_head": MaskHead,
    "loss": loss,
}
SPEC = {
    "composer": 1,
    "name": "sharded",
    "inputs": {"records": "any"},
    "nodes": {
        "stack": {"uses": "stack", "inputs": {"records": "records"}},
        "source": {"uses": "source", "inputs": {"x": "stack"}, "with": {"channels": 4}},
        "backbone": {
            "inputs": {"x": "source"},
            "nodes": {
                "bottom_up": {"uses": "linear", "inputs": {"x": "x"}, "with": {"out": 4}},
                "fpn": {"uses": "pyramid", "namespace": ".", "inputs": {"x": "bottom_up"}},
            },
            "outputs": {"y": "fpn"},
        },
        "twice": {"same_as": "backbone.bottom_up", "inputs": {"x": "backbone"}},
        "find": {"uses": "find", "inputs": {"x": "twice", "records": "records"}},
        "mask_head": {
            "uses": "mask_head",
            "inputs": {"x": "find.rows", "boxes": "find.boxes"},
        },
        "loss": {
            "uses": "loss",
            "inputs": {"masks": "mask_head", "x": "twice"},
            "when": "training",
        },
    },
    "outputs": {"training": {"losses": "loss"}, "inference": {"masks": "mask_head"}},
}


def make_records(numbers, seed):
    generator = torch.Generator().manual_seed(seed)
    return [
        {
            "row": torch.randn(4, generator=generator),
            "image_id": index,
            "regions": 0 if index == EMPTY else 1 + index % 3,
            "file_name": f"{index}.png",
        }
        for index in numbers
    ]


class Batches:
    """Four images a step, of which each process has a part; the last has no regions."""

    def __init__(self, rank, size):
        self.position, self.part = 0, slice(rank * 4 // size, (rank + 1) * 4 // size)

    def seek(self, position):
        self.position = position

    def __iter__(self):
        for number in count(self.position):
            self.position = number + 1
            yield make_records(range(4), number)[self.part]


class MeanMask:
    """The mean of what is found, and the number of images that it was found in."""

    def __init__(self):
        self.found = []

    def process(self, inputs, outputs):
        for record, output in zip(inputs, outputs, strict=True):
            self.found.append((record["image_id"], output["masks"].sum().item()))

    def gather(self):
        self.found = [one for part in gather_parts(self.found) for one in part]

    def results(self):
        assert len({image for image, _ in self.found}) == len(self.found)
        mean = sum(value for _, value in self.found) / len(self.found)
        metrics = {"mean": mean, "images": float(len(self.found))}
        return Results({"masks": TaskResults(metrics)}, len(self.found))


def make_graph():
    return Graph.from_spec(SPEC, nodes=TYPES, seed=3)


def measure(graph, batches):
    def predict(batch):
        return graph.run(batch, mode="inference")

    return evaluate(predict, batches, [MeanMask()], model=graph).flat()


def share(rank, size):
    """The validation images of a process, one a batch: the first has one more."""
    records = make_records(range(NUM_IMAGES), 99)
    return [[record] for record in (records[rank * 3 : rank * 3 + 3] if size == 2 else records)]


def train(folder, processes, iterations=6, **settings):
    graph = make_graph()
    batches = share(processes.rank, processes.size)

    def measure_sharded(graph):
        assert processes.size == 1 or is_sharded(graph)
        found = measure(graph, batches)
        if processes.size > 1:
            kept = sum(weight.to_local().numel() for weight in graph.parameters())
            assert kept < sum(weight.numel() for weight in graph.parameters())
        return found

    trainer = Trainer(
        graph,
        Batches(processes.rank, processes.size),
        make_settings(
            iterations=iterations,
            optimizer={"uses": "AdamW", "lr": 0.01},
            ema={"decay": 0.5},
            checkpoint={"every": 3, "keep": 9},
            distributed="fsdp",
            **settings,
        ),
        RunFolder(folder),
        validation=Validation(every=3, metrics=measure_sharded, batches=batches),
        processes=processes,
        quiet=True,
    )
    trainer.restore()
    trainer.run()


def train_share(rank, size, folder):
    """Trains at once, in two parts, and in fewer bits."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=size
    )
    processes = ProcessGroup(torch.device("cpu"), rank, size)
    run = partial(train, processes=processes)
    try:
        run(folder / "straight")
        run(folder / "cut", iterations=3)
        run(folder / "cut")
        run(folder / "bfloat16", precision="bfloat16")
        _pad_batches(processes)
        _save_and_load(processes, folder / "shared.safetensors")
    finally:
        distributed.destroy_process_group()


def _pad_batches(processes):
    """Processes run as many batches each, and hear of what goes wrong in another."""
    graph = make_graph()
    assert (
        list(in_step(graph, [1, 2][: processes.rank])) == [(1, True)][: processes.rank]
    )  # not sharded
    shard_weights(graph, processes)
    batches = [] if processes.rank else ["a", "b"]
    counts = not processes.rank
    filled = ["a", "b"] if counts else ["a", "a"]
    assert list(in_step(graph, batches)) == [(batch, counts) for batch in filled]

    def failing():
        yield "a"
        raise InputError("it cannot be read")

    with pytest.raises(InputError, match="it cannot be read"):
        list(in_step(graph, failing() if processes.rank else ["a", "b", "c"]))


def _save_and_load(processes, file):
    graph = make_graph()
    shard_weights(graph, processes)
    expected = gather_state(graph, copy=True)
    graph.save(file)
    distributed.barrier()
    with torch.no_grad():
        for weight in graph.parameters():
            weight.zero_()
    graph.load(str(file))
    for key, tensor in gather_state(graph).items():
        assert torch.equal(tensor, expected[key])
    assert len(expected) == (0 if processes.rank else len(graph.state_dict()))
