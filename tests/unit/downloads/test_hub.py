"""Files of a hub that runs on the loopback address, by the hub's own library."""

import hashlib
import logging
import os
import subprocess
import sys

import pytest

from composer.downloads import fetch, find_cached, is_hub_model, parse_hub_address
from composer.errors import DownloadError
from file_server import Answer, redirecting, running_server

huggingface_hub = pytest.importorskip("huggingface_hub")

CONTENT = os.urandom(50_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = "hf://owner/repo/weights/model.safetensors"


def publish(server, store, *, sha256=SHA256, revision="main"):
    """A model of the hub with one large file, which another host stores."""
    path = "weights/model.safetensors"
    target = f"{store.address}/blobs/{sha256}"
    headers = {
        "X-Repo-Commit": COMMIT,
        "X-Linked-Etag": f'"{sha256}"',
        "X-Linked-Size": str(len(CONTENT)),
        "ETag": f'"{sha256}"',
        "Location": target,
    }
    for name in (revision, COMMIT):
        server.routes[f"/owner/repo/resolve/{name}/{path}"] = lambda _: Answer(b"", 302, headers)
    store.routes[f"/blobs/{sha256}"] = lambda _: Answer(CONTENT)


@pytest.fixture
def hub(server, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", False)
    return server


@pytest.fixture
def store():
    with running_server() as running:
        yield running


def test_a_file_arrives_with_the_hash_that_the_hub_says(hub, store, caplog):
    publish(hub, store)
    path = fetch(ADDRESS)
    assert (path.name, path.read_bytes()) == ("model.safetensors", CONTENT)
    assert f"sha256 {SHA256} (as the hub says)" in caplog.text
    asked = len(hub.requests)
    assert fetch(ADDRESS) == path
    assert len(hub.requests) == asked
    assert [each.name for each in path.parent.iterdir()] == ["model.safetensors"]


@pytest.mark.slow
def test_a_file_is_fetched_by_a_process_that_has_imported_nothing_of_the_hub(hub, store):
    publish(hub, store)
    program = f"from composer.downloads import fetch; print(fetch({ADDRESS!r}))"
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert find_cached(ADDRESS) is not None


def test_a_revision_is_asked_for(hub, store):
    publish(hub, store, revision="v1%2F0")
    assert fetch("hf://owner/repo@v1%2F0/weights/model.safetensors").read_bytes() == CONTENT


def test_another_hash_than_the_hub_says_is_an_error(hub, store):
    publish(hub, store, sha256="0" * 64)
    with pytest.raises(DownloadError, match=f"{SHA256}, and should be {'0' * 64}, as the hub says"):
        fetch(ADDRESS)
    assert find_cached(ADDRESS) is None


def test_tokens_go_to_the_hub_and_nowhere_else(hub, store, monkeypatch, caplog, cache):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    with caplog.at_level(logging.DEBUG):
        publish(hub, store)
        fetch(ADDRESS)
        assert any("authorization" in request.headers for request in hub.requests)
        assert not any("authorization" in request.headers for request in store.requests)
    assert "secretsecret" not in caplog.text
    assert "secretsecret" not in "".join(p.read_text() for p in cache.rglob("*.json"))


def test_no_telemetry_is_sent(hub, store):
    publish(hub, store)
    fetch(ADDRESS)
    agents = [request.headers.get("user-agent", "") for request in hub.requests]
    assert agents
    assert not any("torch/" in agent or "agent/" in agent for agent in agents)
    assert all("telemetry" not in request.path for request in hub.requests)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RepoNotFound", "no model 'owner/repo', or it is private.*HF_TOKEN"),
        ("GatedRepo", "to whom its owner allows it.*HF_TOKEN"),
        ("RevisionNotFound", "no revision"),
        ("EntryNotFound", "no file 'weights/model.safetensors'"),
    ],
)
def test_what_the_hub_does_not_give_is_said_in_one_sentence(hub, code, message):
    status = 403 if code == "GatedRepo" else 404
    answer = Answer(b"", status, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})
    hub.routes["/owner/repo/resolve/main/weights/model.safetensors"] = lambda _: answer
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(ADDRESS)
    assert "\n" not in str(caught.value)


def test_a_hub_that_is_not_there_is_said(monkeypatch, tmp_path):
    with running_server() as gone:
        pass
    monkeypatch.setenv("HF_ENDPOINT", gone.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(DownloadError, match=r"the hub cannot be reached.*put it into"):
        fetch(ADDRESS)


def test_files_of_the_hubs_own_cache_are_at_hand_offline(hub, store):
    publish(hub, store)
    found = huggingface_hub.hf_hub_download(
        "owner/repo", "weights/model.safetensors", endpoint=hub.address
    )
    asked = len(hub.requests)
    assert str(fetch(ADDRESS, offline=True)) == found
    assert len(hub.requests) == asked


def test_redirects_of_the_hub_to_files_are_refused(hub, store):
    publish(hub, store)
    store.routes[f"/blobs/{SHA256}"] = redirecting("file:///etc/passwd")
    with pytest.raises(DownloadError):
        fetch(ADDRESS)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DownloadError, match=r"detection-composer\[hub\]"):
        fetch(ADDRESS)


def test_the_extra_is_imported_for_addresses_of_the_hub_only(tmp_path):
    code = "import sys, composer.downloads; print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "is_model"),
    [
        ("hf://owner/repo", True),
        ("hf://owner/repo@main", True),
        ("hf://owner/repo/model.safetensors", False),
        ("hf://owner", False),
        ("https://owner/repo", False),
    ],
)
def test_a_model_is_an_owner_and_a_name(text, is_model):
    assert is_hub_model(text) is is_model


def test_the_parts_of_an_address():
    found = parse_hub_address("hf://owner/repo@refs%2Fpr%2F1/a/b.pth")
    assert found == ("owner", "repo", "refs/pr/1", "a/b.pth")
