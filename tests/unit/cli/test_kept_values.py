"""`--cache`, `composer cache show|clear FOLDER`, `--save-on-error` and `--continue`."""

import json

import pytest
import torch
import yaml

from composer.storage import read_value
from published_nodes import published_nodes, qualified

DOCUMENT = {
    "composer": 1,
    "name": "kept",
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "n": {"uses": "noise", "inputs": {"x": "a"}},
        "s": {"uses": "split", "inputs": {"x": "n"}},
        "f": {"uses": "fail", "inputs": {"x": "s.high"}},
        "b": {"uses": "scale", "inputs": {"x": "s.low"}},
    },
    "outputs": {"y": "b"},
}


@pytest.fixture(autouse=True)
def spec(tmp_path, folder):
    with published_nodes(tmp_path / "installed"):
        (folder / "kept.yaml").write_text(yaml.safe_dump(qualified(DOCUMENT)))
        (folder / "x.json").write_text(json.dumps([[1.0, -2.0], [3.0, -4.0]]))
        yield


def run(cli, *options, spec="kept.yaml"):
    return cli("run", spec, "--input", "x.json", "--no-save", *options)


def test_a_second_run_finds_what_the_first_has_kept(cli):
    first = json.loads(run(cli, "--cache", "values", "--json").out)
    second = json.loads(run(cli, "--cache", "values", "--json").out)
    assert [node["path"] for node in first["nodes"]] == ["a", "n", "s", "b"]
    assert second["nodes"] == []
    assert second["kept"] == ["a", "n", "s", "b"]
    assert second["results"] == first["results"]
    assert "found 1" in second["notes"][-1]
    result = run(cli, "--cache", "values")
    assert "found in the cache, or only needed for what was: a, n, s, b" in result.out
    other = json.loads(run(cli, "--cache", "values", "--json", "--seed", "1").out)
    assert [node["path"] for node in other["nodes"]] == ["n", "s", "b"]


def test_a_node_with_several_ports_is_kept(cli, folder):
    options = ("--input", "x.json", "--until", "s", "--cache", "values", "--json")
    first = json.loads(cli("run", "kept.yaml", "--save", "first", *options).out)
    second = json.loads(cli("run", "kept.yaml", "--save", "second", *options).out)
    assert [node["path"] for node in first["nodes"]] == ["a", "n", "s"]
    assert second["nodes"] == []
    assert first["results"]["s"]["value"] == second["results"]["s"]["value"]
    written = [(folder / name / "s.safetensors").read_bytes() for name in ("first", "second")]
    assert written[0] == written[1]
    assert set(read_value(folder / "second" / "s.safetensors")) == {"low", "high"}


def test_contents_of_the_folder_are_shown_and_cleared(cli, folder):
    run(cli, "--cache", "values")
    shown = cli("cache", "show", "values").out.splitlines()
    assert {line.split()[0] for line in shown[1:-1]} == {"a", "s.low", "b"}
    assert shown[-1].startswith("3 values, ")
    found = json.loads(cli("cache", "show", "values", "--json").out)
    assert found["num_entries"] == 3
    (folder / "values" / "notes.txt").write_text("mine")
    assert cli("cache", "clear", "values").out.startswith("removed 3 values, ")
    assert (folder / "values" / "notes.txt").exists()
    assert cli("cache", "show", "values").out.endswith("0 values, 0 bytes in values\n")


def test_a_folder_that_is_no_cache_is_refused(cli, folder):
    for command in ("show", "clear"):
        result = cli("cache", command, ".")
        assert (result.code, result.err) == (1, "error: .: this is no folder of kept values\n")
    assert "there is no such folder" in cli("cache", "show", "nowhere").err
    assert cli("cache", "show", "values", "--kind", "compiled").code == 2
    assert "has other things in it" in run(cli, "--cache", ".").err
    assert "and this is none" in run(cli, "--cache", "x.json").err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cache-limit", "5G"], "goes with --cache"),
        (["--cache", "v", "--cache-limit", "much"], "no size, such as 500M"),
        (["--cache", "v", "--cache-limit", "0"], "no size, such as 500M"),
        (["--cache", "v", "--profile"], "leave --cache"),
    ],
)
def test_options_that_do_not_fit_are_refused(cli, options, message):
    result = run(cli, *options)
    assert result.code == 2
    assert message in result.err


def test_the_folder_stays_within_its_limit(cli, folder):
    (folder / "x.json").write_text(json.dumps(torch.rand(20, 50).tolist()))
    run(cli, "--cache", "values", "--cache-limit", "10k")
    assert json.loads(cli("cache", "show", "values", "--json").out)["size"] <= 10_240


def test_nodes_that_are_not_kept_are_named(cli, folder):
    module = folder / "installed" / "kept_nodes.py"
    with module.open("a") as file:
        file.write("\n# changed\n")
    run(cli)  # imports it
    with module.open("a") as file:
        file.write("\n# changed while it was in use\n")
    from composer.value_cache import code_hashes

    code_hashes._describe_all.cache_clear()
    code_hashes._describe_package.cache_clear()
    result = run(cli, "--cache", "values")
    assert (
        "not kept, nor what is below: a: it has code of 'kept_nodes', which changed" in result.err
    )


def test_a_run_goes_on_from_what_a_failed_one_had_computed(cli, folder):
    failed = run(cli, "--until", "f", "--until", "b", "--save-on-error", "--seed", "3")
    assert failed.code == 1
    assert "saved 3 values to runs/kept-failed" in failed.err
    command = "composer run kept.yaml --continue runs/kept-failed --until f --until b"
    assert f"when it is mended: {command}\n" in failed.err
    document = json.loads((folder / "runs" / "kept-failed" / "snapshot.json").read_text())
    assert (document["failed"], document["seed"]) == ("f", 3)
    document = {**DOCUMENT, "nodes": {**DOCUMENT["nodes"]}}
    document["nodes"]["f"] = {"uses": "shift", "inputs": {"x": "s.high"}}
    (folder / "mended.yaml").write_text(yaml.safe_dump(qualified(document)))
    options = ("--until", "f", "--until", "b", "--no-save", "--json")
    result = cli("run", "mended.yaml", "--continue", "runs/kept-failed", *options)
    found = json.loads(result.out)
    assert [node["path"] for node in found["nodes"]] == ["f"]
    assert found["seed"] == 3
    fresh = run(cli, *options, "--seed", "3", spec="mended.yaml")
    assert json.loads(fresh.out)["results"] == found["results"]


def test_the_command_that_goes_on_has_the_weights_of_the_failed_one(cli, folder):
    torch.save({}, folder / "no.pth")
    options = ("--weights", "b=no.pth", "--allow-missing", "--no-optimize")
    failed = run(cli, "--until", "f", "--save-on-error", *options)
    command = failed.err.partition("when it is mended: ")[2].partition("\n")[0]
    carried = "--until f --weights b=no.pth --allow-missing --no-optimize"
    assert command == f"composer run kept.yaml --continue runs/kept-failed {carried}"


def mend(folder):
    nodes = {**DOCUMENT["nodes"], "f": {"uses": "shift", "inputs": {"x": "s.high"}}}
    (folder / "mended.yaml").write_text(yaml.safe_dump(qualified({**DOCUMENT, "nodes": nodes})))


def go_on(cli, *options):
    found = cli("run", "mended.yaml", "--continue", "runs/kept-failed", "--no-save", *options)
    assert found.code == 0, found.err
    return found


@pytest.mark.parametrize(
    ("edits", "nodes"),
    [
        (["a=scale:2"], ["f"]),  # what failed is below the edit
        (["f=scale:3", "b=zero"], ["f"]),  # and here above it, and beside it
        (["s.low=zero", "s.high=scale:2", "s.high=noise"], ["f"]),
    ],
)
def test_a_run_that_goes_on_has_the_edits_of_the_failed_one(cli, folder, edits, nodes):
    options = [word for edit in edits for word in ("--edit", edit)]
    targets = ["--until", "b", "--until", "f"]
    failed = run(cli, *targets, *options, "--save-on-error", "--seed", "3")
    assert f"{' '.join(targets + options)}\n" in failed.err
    mend(folder)
    result = go_on(cli, *targets, *options, "--json")
    found = json.loads(result.out)
    assert [node["path"] for node in found["nodes"]] == nodes
    assert [f"{one['node']}={one['edit']}" for one in found["edits"]] == edits
    fresh = run(cli, *targets, *options, "--seed", "3", "--json", spec="mended.yaml")
    assert json.loads(fresh.out)["results"] == found["results"]


@pytest.mark.parametrize(
    ("before", "after", "nodes"),
    [
        ((), ("--edit", "n=zero"), {"n", "s", "f", "b"}),
        (("--edit", "n=zero"), (), {"n", "s", "f", "b"}),
        (("--edit", "n=zero"), ("--edit", "n=scale:2"), {"n", "s", "f", "b"}),
        ((), ("--edit", "f=zero"), {"f"}),
    ],
)
def test_what_had_other_edits_is_computed_anew(cli, folder, before, after, nodes):
    targets = ["--until", "b", "--until", "f", "--until", "a"]
    assert run(cli, *targets, *before, "--save-on-error", "--seed", "3").code == 1
    mend(folder)
    result = go_on(cli, *targets, *after, "--json")
    found = json.loads(result.out)
    assert {node["path"] for node in found["nodes"]} == nodes
    assert ("it was computed with other edits of" in result.err) == ("n" in nodes)
    fresh = run(cli, *targets, *after, "--seed", "3", "--json", spec="mended.yaml")
    assert json.loads(fresh.out)["results"] == found["results"]


def test_without_the_option_nothing_is_left(cli, folder):
    assert run(cli, "--until", "f").code == 1
    assert not (folder / "runs").exists()


def test_a_mode_that_is_not_the_snapshots_is_refused(cli):
    run(cli, "--until", "f", "--save-on-error")
    result = cli("run", "kept.yaml", "--continue", "runs/kept-failed", "--mode", "training")
    assert "a snapshot of inference, and --mode is training" in result.err
    assert "no snapshot can be read" in cli("run", "kept.yaml", "--continue", "runs").err
