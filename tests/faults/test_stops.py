"""Some stops of each kind; `python -m faults.training` and `faults.outputs` make more of them."""

import random
import signal

import pytest

from faults.kept_values import kill_at_random_moments
from faults.outputs import COMMANDS, StoppedCommand, write_inputs
from faults.shards import KilledCollection
from faults.training import LONGER, WITH_WORKERS, Straight

pytestmark = pytest.mark.slow(seconds=20)
SIGNALS = [signal.SIGKILL, signal.SIGINT]


@pytest.mark.parametrize(
    ("text", "number"), list(zip([LONGER, WITH_WORKERS], SIGNALS, strict=True))
)
def test_a_stopped_training_comes_to_the_same_bit_for_bit(text, number, tmp_path):
    straight, chance = Straight(tmp_path, text), random.Random(int(number))
    rounds = [straight.stop_and_resume(f"run{i}", chance, number) for i in range(3)]
    assert [one.problem for one in rounds] == [""] * 3
    assert sum(one.stops for one in rounds) > 0


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_stopped_command_leaves_nothing_torn(name, number, tmp_path):
    write_inputs(tmp_path)
    command, chance = StoppedCommand(tmp_path, COMMANDS[name]), random.Random(int(number))
    moments = [chance.uniform(0.1, 0.9) * command.seconds for _ in range(2)]
    assert [command.stop(moment, number)[1] for moment in moments] == ["", ""]


def test_a_collection_that_is_killed_twenty_times_equals_one_in_one_go(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    write_inputs(tmp_path)
    assert KilledCollection(tmp_path).kill(random.Random(0), 20) == (20, "")


def test_processes_that_share_kept_values_are_killed_and_none_reads_a_wrong_one(tmp_path):
    kill_at_random_moments(tmp_path / "values", 10)
