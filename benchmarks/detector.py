"""A whole Mask R-CNN R50-FPN, its parts and its memory, against the same modules by hand."""

from typing import Any

import torch

from benchmarks.executor import cost_per_node
from benchmarks.mask_rcnn import ByHand, build, example_batch
from benchmarks.measuring import Comparison, compare
from composer.graph.profiling import AllocationWatch

HEIGHT, WIDTH = 480, 640


def run(rounds: int = 12) -> list[tuple[str, str, str]]:
    """Time of a run, of a partial run and of a continued session; peak memory."""
    graph, batch = build(), example_batch(HEIGHT, WIDTH)
    by_hand = ByHand(graph)
    with torch.no_grad():
        whole = compare(lambda: graph(batch), lambda: by_hand.forward(batch), rounds)
        part = compare(
            lambda: graph.run(batch, until="backbone"), lambda: by_hand.backbone(batch), rounds
        )
        session = graph.session(batch)
        features = session["backbone"]

        def continued() -> Any:
            session["backbone"] = features  # what follows the backbone is stale
            return session["masks"]

        resumed = compare(continued, lambda: graph.run(batch, until="masks"), rounds)
        overhead = len(graph.nodes()) * cost_per_node() / whole.peer_seconds
        peaks = [_peak(lambda: graph(batch)), _peak(lambda: by_hand.forward(batch))]
    share = f"{len(graph.nodes())} nodes at the executor's cost per node"
    return [
        ("executor's share of a Mask R-CNN run", f"{overhead:.4%}", share),
        ("Mask R-CNN, graph / by hand", f"{whole.ratio:.4f}", _detail(whole)),
        ("`until=backbone` / the backbone alone", f"{part.ratio:.4f}", _detail(part)),
        (
            "session continued from the backbone / fresh run",
            f"{resumed.ratio:.3f}",
            _detail(resumed),
        ),
        ("peak memory, graph / by hand", f"{peaks[0] / peaks[1]:.4f}", _megabytes(peaks)),
    ]


def _peak(action: Any) -> int:
    """Most bytes of tensors alive at once that the action makes."""
    with AllocationWatch() as watch:
        action()
    return int(watch.peak)


def _detail(found: Comparison) -> str:
    times = f"{found.seconds * 1e3:.1f} ms against {found.peer_seconds * 1e3:.1f} ms"
    return f"{times}, spread of the ratio {found.spread:.3f}"


def _megabytes(peaks: list[int]) -> str:
    return f"{peaks[0] / 2**20:.1f} MiB against {peaks[1] / 2**20:.1f} MiB"
