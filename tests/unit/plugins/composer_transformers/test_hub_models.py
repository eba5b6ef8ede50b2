"""Models on a hub, `hf://owner/repo`, from a hub that runs on this machine."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from composer import Graph
from composer.errors import CheckpointError, DownloadError, InputError
from file_server import Answer, running_server
from unit.cli.conftest import cli

__all__ = ["cli"]

pytest.importorskip("huggingface_hub")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PREFIXES = ("/owner/repo/resolve/main/", f"/owner/repo/resolve/{COMMIT}/")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one model, whose files are those of a folder."""
    files = tmp_path / "model"
    files.mkdir()

    def answer(request):
        prefix = next((each for each in PREFIXES if request.path.startswith(each)), None)
        file = files / request.path.removeprefix(prefix or "/")
        if prefix is None or not file.is_file():
            return Answer(b"", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = file.read_bytes()
        mark = hashlib.sha1(content).hexdigest()
        return Answer(content, headers={"ETag": f'"{mark}"', "X-Repo-Commit": COMMIT})

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("COMPOSER_OFFLINE", raising=False)
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with running_server(fallback=answer) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.files = files
        yield server


def test_a_model_of_another_kind_is_said(hub):
    (hub.files / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": []}))
    with pytest.raises(InputError, match="of the type 'bert', which has no spec"):
        Graph.open("hf://owner/repo")
    (hub.files / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no installed plugin opens 'hf://owner/other'.*/FILE"):
        Graph.open("hf://owner/other")


def test_code_that_comes_with_a_model_is_not_fetched(hub):
    config = {"model_type": "bert", "auto_map": {"AutoModel": "modeling.Evil"}}
    (hub.files / "config.json").write_text(json.dumps(config))
    (hub.files / "modeling.py").write_text("raise SystemExit")
    with pytest.raises(InputError, match="never run"):
        Graph.open("hf://owner/repo")
    assert not any("modeling" in request.path for request in hub.requests)


def test_commands_that_look_fetch_nothing(cli, hub):
    for command in (["check"], ["show"], ["run", "--dry-run"], ["run", "--offline"]):
        result = cli(*command, "hf://owner/repo")
        assert result.code == 1
        assert "hf://owner/repo/config.json was not fetched" in result.out + result.err
    assert hub.requests == []


@pytest.fixture
def saved(hub):
    """A small detector that transformers has saved."""
    pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")
    from composer_transformers.processors import build_processor
    from transformers_models import build_theirs, small_params

    theirs = build_theirs("rt_detr").eval()
    theirs.config.id2label = dict(enumerate(["cat", "dog", "bird", "cow", "horse"]))
    theirs.save_pretrained(hub.files)
    build_processor("rt_detr", small_params("rt_detr")["processor_options"]).save_pretrained(
        hub.files
    )
    return hub


@pytest.mark.slow
@torch.no_grad()
def test_a_model_on_the_hub_is_that_of_its_folder(saved):
    graph = Graph.open("hf://owner/repo")
    assert graph.random_nodes == []
    assert graph.spec.metadata.thing_classes[:2] == ("cat", "dog")
    other = Graph.open(saved.files)
    state, expected = graph.state_dict(), other.state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


@pytest.mark.slow
def test_a_revision_is_that_of_all_files(saved):
    Graph.open(f"hf://owner/repo@{COMMIT}")
    asked = {request.path for request in saved.requests}
    assert all(path.startswith(PREFIXES[1]) for path in asked)
    assert any(path.endswith("model.safetensors") for path in asked)


def _write_as_pickles(folder):
    """Writes the shards of safetensors as transformers did before."""
    index = folder / "model.safetensors.index.json"
    text = index.read_text().replace(".safetensors", ".bin").replace("model-", "pytorch_model-")
    (folder / "pytorch_model.bin.index.json").write_text(text)
    index.unlink()
    for file in folder.glob("model-*.safetensors"):
        torch.save(load_file(file), folder / f"pytorch_{file.stem}.bin")
        file.unlink()


@pytest.mark.slow
@torch.no_grad()
def test_weights_in_several_files_are_read_from_a_folder_and_the_hub(saved):
    from transformers import AutoModelForObjectDetection

    whole = saved.files / "model.safetensors"
    theirs = AutoModelForObjectDetection.from_pretrained(saved.files)
    expected = Graph.open(saved.files).state_dict()
    whole.unlink()
    theirs.save_pretrained(saved.files, max_shard_size="60KB")
    shards = sorted(saved.files.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert not whole.exists()
    for name in (saved.files, "hf://owner/repo"):
        state = Graph.open(name).state_dict()
        assert all(torch.equal(state[key], expected[key]) for key in expected)
    _write_as_pickles(saved.files)
    for name in (saved.files, "hf://owner/repo"):
        state = Graph.open(name).state_dict()
        assert all(torch.equal(state[key], expected[key]) for key in expected)
    shards = sorted(saved.files.glob("pytorch_model-*.bin"))
    shards[-1].unlink()
    with pytest.raises(CheckpointError, match=f"shards are missing: '{shards[-1].name}'"):
        Graph.open(saved.files)


@pytest.mark.slow
def test_what_was_fetched_is_enough_offline(saved, cli):
    assert cli("describe", "hf://owner/repo").code == 0
    asked = len(saved.requests)
    for command in (["check"], ["show"], ["run", "--dry-run"]):
        result = cli(*command, "hf://owner/repo")
        assert result.code == 0, result.out + result.err
    assert len(saved.requests) == asked


@pytest.mark.slow
def test_a_model_without_weights_is_an_error(saved):
    Path(saved.files / "model.safetensors").unlink()
    with pytest.raises(DownloadError, match=r"no file 'model.safetensors'"):
        Graph.open("hf://owner/repo")
