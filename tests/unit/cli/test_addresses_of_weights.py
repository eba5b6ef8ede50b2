"""Weights by address, wherever a checkpoint is named; and the commands that fetch nothing."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from composer import CheckpointError, Graph, SpecError
from composer.downloads import list_cached, locate_cached
from composer.storage import read_value
from file_server import Answer, running_server, serve_file
from forked_commands import run_together
from unit.experiment.small_experiment import EXPERIMENT, write_experiment


@pytest.fixture
def server(folder, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("COMPOSER_OFFLINE", raising=False)
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    save_file({"image": torch.zeros(3, 32, 48, dtype=torch.uint8)}, "batch.safetensors")
    graph = Graph.from_spec("small.yaml", seed=7)
    graph.save("weights.safetensors")
    graph.save("weights.pth")
    content = {name: Path(name).read_bytes() for name in ("weights.safetensors", "weights.pth")}
    with running_server({f"/{name}": serve_file(c) for name, c in content.items()}) as running:
        yield running


@pytest.fixture
def address(server):
    return f"{server.address}/weights.safetensors"


@pytest.fixture
def run(cli):
    return lambda *arguments: cli("run", "small.yaml", "-i", "batch.safetensors", *arguments)


@pytest.mark.parametrize("prefix", ["", "backbone="])
def test_weights_of_the_command_line(run, address, prefix):
    run("-u", "backbone", "--seed", 7, "--save", "a")
    result = run("-u", "backbone", "-w", prefix + address, "--save", "b")
    assert result.code == 0, result.err
    first, second = (read_value(f"{name}/backbone.safetensors") for name in "ab")
    assert torch.equal(first["p2"], second["p2"])


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_checkpoint_by_address_is_a_model(cli, server, suffix):
    result = cli("run", f"{server.address}/weights.{suffix}", "-i", "batch.safetensors")
    assert result.code == 0, result.err
    assert "random" not in result.err


def test_weights_of_a_spec(run, address, folder):
    spec = (folder / "small.yaml").read_text() + f"\nweights: {address}\n"
    (folder / "trained.yaml").write_text(spec)
    (folder / "extended.yaml").write_text("composer: 1\nextends: trained.yaml\n")
    nodes = f"nodes: {{backbone: {{weights: '{address}'}}}}\n"
    (folder / "node.yaml").write_text("composer: 1\nextends: small.yaml\n" + nodes)
    for name in ("trained", "extended"):
        assert Graph.open(f"{name}.yaml").random_nodes == []
    assert Graph.open("node.yaml").random_nodes == ["rpn.rpn_head"]


def test_python_takes_addresses(address):
    assert Graph.open("small.yaml", address).random_nodes == []
    assert Graph.from_spec("small.yaml", weights={"backbone": address}).random_nodes
    assert Graph.open(address).random_nodes == []
    graph = Graph.open("small.yaml")
    graph.load(address)
    assert graph.random_nodes == []


def test_a_path_that_was_an_address_is_explained(address):
    with pytest.raises(CheckpointError, match="An address is a text, not a path"):
        Graph.open("small.yaml", Path(address))


@pytest.mark.slow
def test_weights_of_an_experiment(cli, server, folder):
    write_experiment(folder)
    assert cli("train", "-e", "experiment.yaml", "-o", "first", "-q").code == 0
    model = next((folder / "first").rglob("model*.safetensors"))
    server.routes["/initial.safetensors"] = serve_file(model.read_bytes())
    address = f"{server.address}/initial.safetensors"
    text = EXPERIMENT + f"weights: {address}\n"
    write_experiment(folder, text)
    dry = cli("train", "-e", "experiment.yaml", "--dry-run")
    assert (dry.code, server.count("/initial.safetensors")) == (0, 0), dry.err
    assert f"weights: {address} would be fetched" in dry.out
    done = cli("train", "-e", "experiment.yaml", "-o", "second")
    assert done.code == 0, done.err
    assert "tensors from initial.safetensors" in done.out
    assert f"weights: {address}" in (folder / "second" / "experiment.yaml").read_text()
    dry = cli("train", "-e", "experiment.yaml", "--dry-run")
    assert "tensors from initial.safetensors" in dry.out


def test_commands_that_look_fetch_nothing(cli, address, server, folder):
    spec = (folder / "small.yaml").read_text() + f"\nweights: {address}\n"
    (folder / "trained.yaml").write_text(spec)
    assert cli("check", "trained.yaml").code == 0
    assert cli("show", "trained.yaml").code == 0
    assert cli("specs", "trained.yaml").code == 0
    assert cli("run", "trained.yaml", "--dry-run").code == 0
    assert cli("run", "small.yaml", "-w", address, "--dry-run").code == 0
    for command in (["check"], ["show"], ["specs"], ["run", "--dry-run"]):
        result = cli(*command, address)
        assert result.code == 1
        assert "fetches nothing" in result.out + result.err
        assert "under the name 'weights.safetensors'" in result.out + result.err
    assert server.requests == []
    assert cli("describe", address).code == 0
    for command in (["check"], ["show"], ["specs"], ["run", "--dry-run"]):
        assert cli(*command, address).code == 0


@pytest.mark.parametrize("command", ["run", "predict", "describe", "export", "train", "eval"])
def test_offline_fetches_nothing(cli, address, server, command):
    arguments = {
        "run": ["run", address],
        "predict": ["predict", "--model", address],
        "describe": ["describe", address],
        "export": ["export", address, "-o", "out.safetensors"],
        "train": ["train", address, "-d", "drawn"],
        "eval": ["eval", address, "-d", "drawn"],
    }[command]
    assert cli("data", "shapes", "drawn", "-n", "2").code == 0
    result = cli(*arguments, "--offline")
    assert result.code == 1
    assert "(--offline): bring it by other means" in result.err
    assert server.requests == []


def test_offline_takes_what_is_in_the_cache(cli, address):
    assert cli("describe", address).code == 0
    assert cli("describe", address, "--offline").code == 0


def test_a_file_put_there_by_hand_is_used(cli, server, folder):
    address = "https://host.invalid/weights.safetensors"
    place = locate_cached(address)
    Graph.from_spec("small.yaml", seed=7).save(folder / "weights.safetensors")
    place.parent.mkdir(parents=True)
    place.write_bytes((folder / "weights.safetensors").read_bytes())
    assert cli("describe", address, "--offline").code == 0


def test_what_is_no_checkpoint_names_the_address(run, server):
    server.routes["/a.pth"] = lambda _: Answer(b"version https://git-lfs.github.com/spec/v1\n")
    result = run("-w", f"{server.address.replace('//', '//me:secret@')}/a.pth?key=secret")
    assert result.code == 1
    assert "Git LFS" in result.err
    assert f"It was fetched from {server.address}/a.pth?..." in result.err
    assert "secret" not in result.err


def test_code_in_what_was_fetched_does_not_run(run, server, folder):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (Path(folder, "touched"),))

    server.routes["/evil.pkl"] = serve_file(pickle.dumps({"model": Evil()}))
    result = run("-w", f"{server.address}/evil.pkl")
    assert result.code == 1
    assert not (folder / "touched").exists()


def test_a_web_page_is_told(run, server):
    server.routes["/a.pth"] = lambda _: Answer(b"<!doctype html><title>Log in</title>")
    result = run("-w", f"{server.address}/a.pth")
    assert result.code == 1
    assert "sent a web page, 'Log in'" in result.err


def test_the_address_in_a_checkpoint_is_never_followed(server, address, folder):
    from composer.checkpoint import describe_checkpoint

    metadata = dict(describe_checkpoint("weights.safetensors").metadata)
    document = metadata["composer.spec"]
    metadata["composer.spec"] = document[:-1] + f', "weights": "{server.address}/other.pth"}}'
    save_file({"a": torch.zeros(1)}, "evil.safetensors", metadata=metadata)
    with pytest.raises((CheckpointError, SpecError), match="refused"):
        Graph.open("evil.safetensors")
    assert server.requests == []


@pytest.mark.slow
def test_results_of_a_model_by_address_have_the_name_of_its_file(cli, server, folder):
    from composer.discovery import shipped_models

    server.routes["/p.safetensors"] = serve_file(shipped_models()["people"].read_bytes())
    from PIL import Image

    Image.new("RGB", (64, 48)).save(folder / "a.png")
    result = cli("predict", "a.png", "--model", f"{server.address}/p.safetensors?download=true")
    assert result.code == 0, result.err
    assert (folder / "runs" / "p" / "predictions.json").is_file()
    assert [each.record.address[-17:] for each in list_cached()] == ["p.safetensors?..."]


@pytest.mark.slow
def test_of_two_processes_of_a_training_one_fetches(cli, server, folder):
    write_experiment(folder)
    assert cli("train", "-e", "experiment.yaml", "-o", "first", "-q").code == 0
    model = next((folder / "first").rglob("model*.safetensors"))
    content = model.read_bytes()
    server.routes["/initial.safetensors"] = lambda _: Answer(content, pause=0.001)
    write_experiment(folder, EXPERIMENT + f"weights: {server.address}/initial.safetensors\n")
    code, printed = run_together(["train", "-e", "experiment.yaml", "-o", "second", "-q"], folder)
    assert code == 0, printed
    assert server.count("/initial.safetensors") == 1
