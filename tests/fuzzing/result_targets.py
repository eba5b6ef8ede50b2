"""Files that runs leave behind: values, snapshots, results, logs and the state of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from composer import Graph
from composer.acceleration.compiled_cache import _digest, _is_whole
from composer.checkpoint.safetensors_file import read_header
from composer.data import Dataset, Metadata, Record
from composer.evaluation import Results, read_results
from composer.graph.snapshots import read_snapshot
from composer.sharded_jobs import OutputFolder
from composer.sharded_jobs.manifest import read_manifest
from composer.storage import read_value, write_value
from composer.structures import Boxes, ImageList, Instances
from composer.training.curves import read_curves
from composer.training.log_writers import trim_lines
from composer.training.state import TrainingState
from composer.value_cache.entries import describe_entry, read_entry, read_note, write_entry
from fuzzing.target import Target, dump_json, packed_target, yaml_target

_KEY = "0" * 32
_GRAPH = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "body": {
            "uses": "resnet",
            "inputs": {"images": "preprocess"},
            "with": {"depth": 18, "res2_out_channels": 8, "stem_out_channels": 8},
        },
    },
    "outputs": {"features": "body"},
}
_RESULTS = {
    "composer_results": 1,
    "num_images": 2,
    "tasks": {"bbox": {"metrics": {"AP": 50.0, "APs": None}, "per_class": {"cat": {"AP": 50.0}}}},
}
_DETECTIONS = [
    {"image_id": 1, "category_id": 7, "bbox": [4, 3, 20, 10], "score": 0.5},
    {
        "image_id": 1,
        "category_id": 7,
        "score": 0.25,
        "segmentation": [[4, 3, 24, 3, 24, 13]],
        "keypoints": [5, 5, 2, 9, 9, 1],
    },
    {
        "image_id": 1,
        "category_id": 8,
        "score": 1.0,
        "segmentation": {"size": [20, 40], "counts": [100, 5, 695]},
    },
]
_STATE = {
    "composer.training": {
        "iteration": 5,
        "evaluated": 5,
        "is_unmeasured": False,
        "num_updates": 5,
        "metrics": {"bbox/AP": 50.0},
        "record": {"loss": 1.5},
        "means": [{"loss": [3.0, 2.0]}],
        "best": {
            "metric": "bbox/AP",
            "better": "higher",
            "value": 50.0,
            "iteration": 5,
            "num_worse": 0,
        },
        "patience": None,
        "optimizer": "SGD",
        "scaler": {},
    }
}
_LOG = [
    {"iteration": 1, "loss": 2.5, "lr": 0.01},
    {"iteration": 2, "loss": None, "lr": 0.01},
    {"iteration": 2, "kind": "evaluation", "bbox/AP": 12.5},
]


def make_result_targets() -> Mapping[str, Target]:
    """The targets by name."""
    values, tensors = _describe_values()
    pack_state = partial(_pack, {"optimizer/a.weight/momentum_buffer": torch.ones(2, 4)})
    return {
        "value": packed_target(".safetensors", values, partial(_pack, tensors), read_value),
        "state": packed_target(".safetensors", [_STATE], pack_state, TrainingState.read),
        "kept": Target(".safetensors", [_write_kept()], _read_kept, is_forgiving=True),
        "compiled": yaml_target(
            ".json", [dump_json(_describe_compiled())], _read_compiled, is_forgiving=True
        ),
        "snapshot": yaml_target(".json", [_write_snapshot()], _read_snapshot),
        "results": yaml_target(".json", [dump_json(_RESULTS)], Results.read),
        "detections": yaml_target(".json", [dump_json(_DETECTIONS)], _read_detections),
        "job": yaml_target(".json", [dump_json({"parts": {"a": {"rows": 1}}})], _read_job),
        "log": Target(".jsonl", [_write_log()], _read_log, is_forgiving=True),
    }


def _pack(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    """A file of safetensors with tensors, and a metadata of texts, and of values as JSON."""
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in metadata.items()}
    shown = {key: text.encode(errors="replace").decode() for key, text in texts.items()}
    return save(dict(tensors), shown)


def _describe_values() -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """The metadata of stored values, and all of their tensors."""
    boxes = Boxes(torch.ones(2, 4))
    values = [
        torch.ones(2, 4),
        {"p2": torch.ones(2, 4), "rest": [1, 2.5, "text", None, (True,)]},
        [boxes, Instances((20, 40), boxes=boxes, scores=torch.ones(2))],
        ImageList(torch.ones(1, 3, 8, 8), [(8, 8)]),
    ]
    found, tensors = [], {}
    with TemporaryDirectory() as folder:
        for value in values:
            file = Path(folder, "value.safetensors")
            write_value(file, value)
            metadata = dict(read_header(file).metadata)
            form = json.loads(metadata["composer.value.form"])
            found.append({**metadata, "composer.value.form": form})
            tensors |= load(file.read_bytes())
    return found, tensors


def _write_kept() -> bytes:
    value = {"p2": torch.ones(2, 4), "size": (20, 40)}
    entry = describe_entry(_KEY, value, {"node": "body"})
    assert entry is not None
    with TemporaryDirectory() as folder:
        write_entry(file := Path(folder, "kept.safetensors"), entry)
        return file.read_bytes()


def _read_kept(file: Path) -> None:
    read_note(file)
    read_entry(file, _KEY)


_CODE = b"compiled"


def _describe_compiled() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        (file := Path(folder, "model.bin")).write_bytes(_CODE)
        return {"nodes": ["body"], "files": {"model.bin": _digest(file)}}


def _read_compiled(file: Path) -> None:
    folder = _make_folder(file, "entry.json")
    (folder / "model.bin").write_bytes(_CODE)
    _is_whole(folder)


@cache
def _open_graph() -> Graph:
    return Graph.from_spec(_GRAPH)


@cache
def _write_snapshot() -> bytes:
    run = _open_graph().session([{"image": torch.ones(3, 64, 64), "height": 64, "width": 64}])
    assert run["preprocess.images"]
    with TemporaryDirectory() as folder:
        run.save(Path(folder, "snapshot"))
        return Path(folder, "snapshot", "snapshot.json").read_bytes()


def _read_snapshot(file: Path) -> None:
    folder = _make_folder(file, "snapshot.json")
    (folder / "values").mkdir(exist_ok=True)
    for name in json.loads(_write_snapshot())["values"]:
        value = ImageList(torch.ones(1, 3, 64, 64), [(64, 64)])
        if not (stored := folder / "values" / f"{name}.safetensors").exists():
            write_value(stored, value)
    read_snapshot(folder, _open_graph().blueprint)


def _read_detections(file: Path) -> None:
    metadata = Metadata(thing_classes=("cat", "dog"), thing_ids=(7, 8))
    read_results(file, Dataset("set", (Record(Path("a.png"), 1, 20, 40),), metadata))


def _read_job(file: Path) -> None:
    read_manifest(OutputFolder(_make_folder(file, "_manifest.json")))


def _write_log() -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in _LOG)


def _read_log(file: Path) -> None:
    read_curves(file)
    trim_lines(file, 1, 2)


def _make_folder(file: Path, name: str) -> Path:
    """A folder with a copy of a file under the name that a reader looks for."""
    folder = file.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(file.read_bytes())
    return folder
