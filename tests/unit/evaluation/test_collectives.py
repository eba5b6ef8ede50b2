"""Two processes evaluate a half each and both get the metrics of the whole."""

import pytest

from composer.evaluation import CocoEvaluator
from composer.evaluation.collectives import compute_once, gather_parts
from forked_processes import FORKS
from unit.evaluation.processes import evaluate_share, fail
from unit.evaluation.scenes import make_scenes, noisy_outputs


@pytest.mark.slow
def test_processes_share_the_images_and_all_get_the_metrics_of_one(tmp_path):
    scenes = make_scenes()
    alone = CocoEvaluator(scenes.dataset)
    alone.process(scenes.inputs, noisy_outputs(scenes.dataset))
    queue = FORKS.Queue()
    processes = [
        FORKS.Process(target=evaluate_share, args=(rank, 2, tmp_path / "store", queue))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    found = [queue.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    expected = alone.results().flat()
    assert sorted(rank for rank, _, _ in found) == [0, 1]
    for _, metrics, message in found:
        assert metrics == expected
        assert "ZeroDivisionError: nothing to divide by" in message


def test_a_process_alone_sends_nothing():
    assert gather_parts("part") == ["part"]
    assert compute_once(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        compute_once(fail)
