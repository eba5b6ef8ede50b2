"""Trainings that keep values of frozen nodes come to the same as those that do not."""

import pytest

from composer.checkpoint import read_checkpoint
from composer.experiment import load_experiment, run_experiment
from composer.graph import kept_runs
from composer.training import Trainer
from unit.experiment.small_experiment import write_experiment
from unit.experiment.test_experiment_run import records_of

TIMES = {"seconds", "data_share", "memory_mb"}
FROZEN = ["freeze=[backbone]", "validation=null", "evaluation=null", "train.batch_size=2"]
REPEATED = [*FROZEN, "train.variants=1", "training.iterations=10"]


@pytest.fixture(autouse=True)
def without_drawing_checks(monkeypatch):
    """The checks of annotations in tests look at random items of lists, by Python's generator."""
    monkeypatch.setattr(kept_runs, "_find_random_states", lambda: ())


def train(folder, name, settings, **options):
    file = write_experiment(folder, num_images=6)
    run_experiment(load_experiment(file, set=settings), folder / name, **options)
    return folder / name


def assert_same(one, other):
    for record, again in zip(records_of(one), records_of(other), strict=True):
        assert {k: v for k, v in record.items() if k not in TIMES} == {
            k: v for k, v in again.items() if k not in TIMES
        }
    first, second = (read_checkpoint(str(f / "model.safetensors")).tensors for f in (one, other))
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param([*REPEATED, "training.precision=bfloat16"], marks=pytest.mark.slow),
        pytest.param(
            [*REPEATED, "train.variants=2", "training.iterations=8", "ema={decay: 0.9}"],
            marks=pytest.mark.slow,
        ),
        [*FROZEN, "train.batch_size=1", "train.augmentations=[]", "training.iterations=9"],
    ],
    ids=["bfloat16", "variants", "single images"],
)
def test_losses_and_weights_are_those_without_a_cache(settings, tmp_path, capsys):
    plain = train(tmp_path, "plain", settings, quiet=True)
    kept = train(tmp_path, "kept", settings, cache=tmp_path / "values")
    assert_same(plain, kept)
    printed = capsys.readouterr().out
    assert "frozen nodes run once for each batch; from there on: proposal_generator.rpn" in printed
    assert "kept values: " in printed
    assert ", 0 read" not in printed


@pytest.mark.slow
def test_another_training_finds_what_the_first_has_kept(tmp_path, capsys):
    train(tmp_path, "first", REPEATED, cache=tmp_path / "values", quiet=True)
    again = train(tmp_path, "again", REPEATED, cache=tmp_path / "values")
    assert "kept values: 0 written" in capsys.readouterr().out
    assert_same(tmp_path / "first", again)


@pytest.mark.slow
def test_a_resumed_training_goes_on_with_kept_values(tmp_path, monkeypatch):
    straight = train(tmp_path, "straight", REPEATED, quiet=True)
    iterate = Trainer._iterate

    def breaking(trainer, *arguments):
        if trainer.iteration == 7:
            raise KeyboardInterrupt
        iterate(trainer, *arguments)

    monkeypatch.setattr(Trainer, "_iterate", breaking)
    options = {"cache": tmp_path / "values", "quiet": True}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, "cut", REPEATED, **options)
    monkeypatch.undo()
    assert_same(straight, train(tmp_path, "cut", REPEATED, resume=True, **options))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (FROZEN, "no values are kept: batches are drawn anew in each epoch. `train.variants: 1`"),
        ([*REPEATED, "freeze=[]"], "no frozen node comes before what is trained or random"),
    ],
    ids=["new batches", "nothing frozen"],
)
def test_where_nothing_can_be_found_again_nothing_is_kept(settings, message, tmp_path, capsys):
    settings = [*settings, "training.iterations=2", "model.bottom_up.freeze_at=0"]
    settings += ["model.bottom_up.norm=BN"] if "freeze=[]" in settings else []
    train(tmp_path, "run", settings, cache=tmp_path / "values")
    assert message in capsys.readouterr().out
    assert not (tmp_path / "values").exists()
