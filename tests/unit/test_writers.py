"""A disk that is full, or a limit on sizes, leaves no torn file and is always reported."""

import ast
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from composer.checkpoint import write_checkpoint
from composer.data.label_images import write_segment_ids
from composer.errors import ComposerError
from composer.files import write_bytes
from composer.images import encode_image, encode_visualization
from limited_files import limited

ROOT = Path(__file__).parents[2]
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8))


def write_video(path):
    pytest.importorskip("av")
    from composer.prediction.video import write_frames

    write_frames(path, [NOISE] * 10, Fraction(5))


def write_curves(path):
    from composer.training.curves import _save

    values = np.random.default_rng(0).random(500).tolist()
    _save(path, "losses", {"loss": (list(range(500)), values)})


TENSORS = {"a": torch.rand(30_000), "b": torch.rand(3)}
WRITERS = {
    "a.jpg": lambda path: write_bytes(path, encode_visualization(NOISE, ".jpg")),
    "a.png": lambda path: write_bytes(path, encode_visualization(NOISE, ".png")),
    "a.tif": lambda path: write_bytes(path, encode_image(NOISE, ".tif")),
    "label.png": lambda path: write_segment_ids(path, np.asarray(NOISE).astype(int)[..., 0]),
    "curves.png": write_curves,
    "w.pth": lambda path: write_checkpoint(path, TENSORS, metadata={}, format="pth"),
    "w.safetensors": lambda path: write_checkpoint(path, TENSORS, metadata={}),
    "v.mp4": write_video,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_whole_or_an_error_with_its_name(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    size = path.stat().st_size
    path.unlink()
    for limit in (size // 3, size - 3000, size - 1):
        with limited(limit), pytest.raises((OSError, ComposerError)) as caught:
            WRITERS[name](path)
        shown = caught.value.filename if isinstance(caught.value, OSError) else str(caught.value)
        assert str(path) in shown
        assert os.listdir(tmp_path) == []


PREDICT = """
import resource, sys
sys.dont_write_bytecode = True
from composer.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


def test_a_batch_goes_on_after_a_picture_that_cannot_be_written(tmp_path):
    NOISE.save(tmp_path / "a.png")
    Image.new("RGB", NOISE.size).save(tmp_path / "b.png")
    arguments = ["predict", str(tmp_path), "-o", str(tmp_path / "out"), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, "100000", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "a.png: cannot be written: File too large" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(tmp_path / "out")) == ["b.png", "predictions.json"]
    with Image.open(tmp_path / "out" / "b.png") as picture:
        picture.load()


# What writes to a path by itself, and who may call it on a file that `composer.files` will place.
WRITING_CALLS = {
    "torch.save": ["composer/checkpoint/writer.py"],
    "save_file": ["composer/checkpoint/safetensors_writing.py"],  # for those below
    "write_safetensors": [
        "composer/checkpoint/writer.py",
        "composer/value_cache/entries.py",  # beside the entry, which it then replaces
    ],
    "av.open": ["composer/prediction/video.py"],
    "os.open": [
        "composer/cli/main.py",
        "composer/files.py",
        "composer/regular_files.py",  # to read
    ],
}
WRITING_METHODS = {
    "write_text": [
        "composer/data/conversion/converting.py",  # in a folder that is written whole
        "composer/files.py",
        "composer/value_cache/folder.py",  # the mark of a cache, of which the name counts
    ],
    "write_bytes": ["composer/files.py"],
    "savefig": [  # into memory
        "composer/figures.py",
    ],
    "tofile": [],
    "to_csv": [],
    "open": [
        "composer/checkpoint/safetensors_writing.py",  # of a file that is not in its place yet
        "composer/checkpoint/writer.py",  # beside the file
        "composer/downloads/partial_file.py",  # grows beside the file, until it is whole
        "plugins/composer_exporters/onnx_metadata.py",  # of a file that is not in its place yet
        "composer/prediction/file_predictions.py",  # grows, and ends in .part until it is whole
        "composer/row_files/parquet_file.py",  # likewise, or in a folder whose name does
    ],
}


def is_writing(call):
    """Whether a call of a method writes; opening does, with a mode that says so."""
    values = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
    texts = [each.value for each in values if isinstance(each, ast.Constant)]
    modes = [text for text in texts if isinstance(text, str) and set(text) <= set("rwxab+t")]
    name = ast.unparse(call.func)
    if name == "os.open":
        return "os.O_RDONLY" not in ast.unparse(call.args[1])
    return name.rpartition(".")[2] != "open" or any(set(mode) & set("wxa+") for mode in modes)


def find_writes():
    for folder in ("composer", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = ast.unparse(node.func)
                _, dot, method = name.rpartition(".")
                allowed = WRITING_CALLS.get(name)
                if allowed is None and (dot or name == "open"):
                    allowed = WRITING_METHODS.get(method)
                if allowed is not None and not is_writing(node):
                    continue
                if allowed is not None:
                    yield path.relative_to(ROOT).as_posix(), node.lineno, name, allowed


def test_every_write_goes_through_the_one_writer():
    found = list(find_writes())
    assert len(found) >= 8
    assert [each for each in found if each[0] not in each[3]] == []


def test_links_in_a_run_folder_are_not_written_through(tmp_path):
    from composer.experiment import load_experiment, run_experiment
    from unit.experiment.small_experiment import EXPERIMENT, write_experiment

    experiment = load_experiment(write_experiment(tmp_path, EXPERIMENT.replace("4\n", "2\n")))
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "run").mkdir()
    names = ["spec.yaml", "versions.json"]
    for name in names:
        (tmp_path / "run" / name).symlink_to(victim)
    run_experiment(experiment, tmp_path / "run", device="cpu", quiet=True)
    assert victim.read_text() == "mine"
    assert not any((tmp_path / "run" / name).is_symlink() for name in names)


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoints", "tensorboard"])
def test_links_that_would_be_added_to_are_errors(name, tmp_path):
    from composer.runs import CheckpointFolders, RunFolder
    from composer.training.log_writers import JsonLines, TensorBoard

    (tmp_path / "victims").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "victims")
    run = RunFolder(tmp_path / "run")
    write = {
        "metrics.jsonl": lambda: JsonLines(run.metrics),
        "checkpoints": lambda: CheckpointFolders(run.checkpoints, 1).add(1, lambda folder: None),
        "tensorboard": lambda: TensorBoard(run.tensorboard, 0),
    }[name]
    with pytest.raises((OSError, ComposerError), match="symbolic link in a folder of results"):
        write()
    assert os.listdir(tmp_path / "victims") == []


def test_links_in_a_folder_of_an_evaluation_are_replaced(tmp_path):
    from composer.evaluation import Results
    from composer.evaluation.output_files import write_evaluation

    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").symlink_to(tmp_path / "victim")
    write_evaluation(tmp_path / "out", [], Results({}, 0))
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "out" / "results.json").is_symlink()


def test_an_error_in_a_checkpoint_folder_names_the_file_as_it_was_to_be_called(tmp_path):
    from composer.runs import CheckpointFolders

    def write(folder):
        write_checkpoint(folder / "model.safetensors", TENSORS, metadata={})

    with limited(1000), pytest.raises(ComposerError) as caught:
        CheckpointFolders(tmp_path / "checkpoints", 1).add(4, write)
    assert str(tmp_path / "checkpoints" / "0000004" / "model.safetensors") in str(caught.value)
    assert os.listdir(tmp_path / "checkpoints") == []
