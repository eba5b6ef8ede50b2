"""Caches of other libraries, in the layouts that these write."""

import pickle

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from composer.pretrained.caches import find_in_caches

COMMIT = "1" * 40


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder without caches, and no variable that names others."""
    for name in (
        *("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"),
        *("FVCORE_CACHE",),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def put(file, content=b"x"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def put_in_hub(hub, name, file, write):
    """A file as the hub keeps it: a blob by its hash, and a link in the snapshot of a commit."""
    folder = hub / f"models--timm--{name}"
    put(folder / "refs/main", COMMIT.encode())
    blob = folder / "blobs" / ("a" * 64)
    put(blob)
    write(blob)
    put(folder / "blobs" / ("b" * 64 + ".incomplete"))
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / file).symlink_to(f"../../blobs/{'a' * 64}")
    (snapshot / "config.json").symlink_to("../../blobs/gone")
    (folder / ".no_exist" / COMMIT).mkdir(parents=True)
    return snapshot / file


def list_names():
    return [(c.file.rpartition("/")[2], c.spec or c.node_type, dict(c.config)) for c in found()]


def found():
    return list(find_in_caches())


def test_no_cache_is_no_candidate(home):
    assert found() == []
    put(home / ".cache/torch/hub/checkpoints")  # a file where a folder is expected
    assert found() == []


def test_the_checkpoints_of_torch_hub(home, monkeypatch):
    folder = home / ".cache/torch/hub/checkpoints"
    for name in ("fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", "resnet50-11ad3fa6.pth"):
        put(folder / name)
    put(folder / "resnet18-f37072fd.pth.1234.partial")
    put(folder / "mine.pth")
    put(home / ".cache/torch/hub/facebookresearch_detr_main/hubconf.py")
    names = [
        (
            "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
            "torchvision/fasterrcnn_resnet50_fpn_v2",
            {},
        ),
        ("resnet50-11ad3fa6.pth", "torchvision_backbone", {"name": "resnet50"}),
    ]
    assert list_names() == names
    monkeypatch.setenv("TORCH_HOME", str(home / ".cache/torch"))
    assert list_names() == names
    monkeypatch.setenv("TORCH_HOME", str(home / "elsewhere"))
    assert list_names() == []


def test_the_cache_of_detectron2(home):
    folder = home / ".torch/iopath_cache/detectron2"
    put(folder / "COCO-Detection/faster_rcnn_R_50_FPN_1x/137257794/model_final_b275ba.pkl")
    put(folder / "COCO-Detection/faster_rcnn_R_50_FPN_1x/137257794/model_final_b275ba.pkl.lock")
    put(folder / "ImageNetPretrained/MSRA/R-50.pkl", pickle.dumps({"model": {}}))
    assert [name for _, name, _ in list_names()] == ["faster_rcnn_r50_fpn", "resnet"]


@pytest.mark.parametrize(
    ("variable", "hub"),
    [
        (None, ".cache/huggingface/hub"),
        ("HF_HOME", "x/hub"),
        ("HF_HUB_CACHE", "x"),
        ("HUGGINGFACE_HUB_CACHE", "x"),
    ],
)
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_the_cache_of_the_hub(variable, hub, file, home, monkeypatch):
    if variable is not None:
        monkeypatch.setenv(variable, str(home / "x"))
    state = {key: value.clone() for key, value in torchvision.ops.MLP(2, [2]).state_dict().items()}
    write = (lambda path: save_file(state, path)) if file.endswith("tensors") else None
    put_in_hub(home / hub, "resnet18.a1_in1k", file, write or (lambda p: torch.save(state, p)))
    assert list_names() == [
        (file, "timm_backbone", {"name": "resnet18.a1_in1k"}),
        (file, "timm_backbone", {"name": "resnet18"}),
    ]
