"""What each of several training processes does; importable by those that are spawned."""

import torch
from torch import distributed

from composer.training import ProcessGroup, RunFolder, Trainer, Validation
from composer.training.sharding import whole
from unit.training.small_training import RowBatches, make_graph, make_settings


def train_share(rank, size, folder, mode):
    """Trains `straight` and `recomputed` at once, and `cut` in two parts."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=size
    )
    processes = ProcessGroup(torch.device("cpu"), rank, size)
    try:
        for name, ends in {"straight": [6], "cut": [3, 6], "recomputed": [6]}.items():
            graph = {"*.recompute": True} if name == "recomputed" else {}
            for iterations in ends:
                _train(folder / name, processes, mode, iterations, graph)
    finally:
        distributed.destroy_process_group()


def _train(folder, processes, mode, iterations, settings_of_graph):
    def compare(graph):
        """By how much the models that are measured differ."""
        tensors = [whole(tensor) for tensor in (*graph.parameters(), *graph.buffers())]
        models = processes.gather([tensor.double().sum().item() for tensor in tensors])
        return {"difference": max(max(same) - min(same) for same in zip(*models, strict=True))}

    settings = make_settings(
        iterations=iterations,
        optimizer={"uses": "SGD", "lr": 0.05},
        ema={"decay": 0.9},
        checkpoint={"every": 3, "keep": 9},
        distributed=mode,
    )
    trainer = Trainer(
        make_graph(set=settings_of_graph),
        RowBatches(processes.rank, processes.size),
        settings,
        RunFolder(folder),
        validation=Validation(every=2, metrics=compare),
        processes=processes,
        quiet=True,
    )
    trainer.restore()
    trainer.run()
