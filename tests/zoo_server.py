"""The published models of detectron2 on a server of this machine, with random weights."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from composer import Graph
from composer.catalogues import Entry, list_entries
from file_server import Answer, Request, Route, running_server, serve_file

HOST = "https://dl.fbaipublicfiles.com/"


@contextmanager
def running_zoo() -> Iterator[str]:
    """A server of the zoo; gives the value of `COMPOSER_MIRRORS` with which it is asked."""
    entries = {"/" + entry.weights.removeprefix(HOST): entry for entry in list_entries()}
    made: dict[str, Route] = {}

    def answer(request: Request) -> Answer:
        if request.path not in entries:
            return Answer(b"no such file", 404)
        if request.path not in made:
            made[request.path] = serve_file(make_checkpoint(entries[request.path]))
        return made[request.path](request)

    with running_server(fallback=answer) as server:
        yield f"{HOST}={server.address}/"


def make_checkpoint(entry: Entry) -> bytes:
    """A file as detectron2 writes it for its zoo, with the right names and random weights."""
    assert entry.document is not None
    with torch.random.fork_rng():
        state = Graph.from_spec(entry.document).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    return pickle.dumps({"model": arrays, "__author__": "Detectron2 Model Zoo"})
