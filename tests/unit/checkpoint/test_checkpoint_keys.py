"""Keys of checkpoints: naming, and mappings that plugins publish."""

import sys

import pytest

from composer.checkpoint import KeyNaming, find_mapping, recognise_keys
from composer.errors import CheckpointError
from composer.registry import Publication, Registry

NAMES = {"stem": ["conv.weight", "conv.bias"], "head": ["fc.weight", "fc.bias"]}
NAMING = KeyNaming(NAMES, {"stem": "backbone.stem.", "head": "head."})
WHOLE = ["backbone.stem.conv.weight", "backbone.stem.conv.bias", "head.fc.weight"]


@pytest.mark.parametrize(
    ("keys", "is_whole", "is_bare"),
    [
        (WHOLE, True, False),
        (WHOLE[:2], True, False),
        (WHOLE[:1], False, False),
        (["conv.weight", "classifier.weight"], False, True),
        ([*WHOLE, "conv.weight", "conv.bias"], True, False),
        (["blobs", "conv1_w"], False, False),
        ([], False, False),
    ],
)
def test_half_of_the_names_tell_what_a_file_is(keys, is_whole, is_bare):
    assert NAMING.is_whole(keys) == is_whole
    assert NAMING.is_bare(keys) == is_bare
    assert NAMING.fits(keys) == (is_whole or is_bare)


def test_a_node_without_a_prefix_has_no_bare_names():
    assert not KeyNaming({"net": ["conv.weight"]}, {"net": ""}).is_bare(["conv.weight"])


def test_nothing_fits_nodes_without_tensors():
    assert not KeyNaming({"relu": []}, {"relu": "relu."}).fits(["conv.weight"])


def test_beginnings_are_the_first_parts_of_the_names():
    assert NAMING.beginnings() == {"conv", "fc"}


SHOUTING = """
class Shouting:
    name = "shouting"
    matches_by_suffix = False

    def recognises(self, keys):
        return all(key.isupper() for key in keys)

    def rename(self, tensors):
        return {key.lower(): tensor for key, tensor in tensors.items()}
"""
BROKEN = "1 / 0"
RAISING = SHOUTING.replace("return all(key.isupper() for key in keys)", "return self.absent")
NO_MAPPING = "class Shouting: pass"


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Makes a module of a source, and what an entry point would say of it."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def make(name, source):
        module = f"mapping_{name}"
        (tmp_path / f"{module}.py").write_text(source)
        modules.append(module)
        return Publication(name, module, "Shouting", f"dist-{name}", "1.2")

    yield make
    for module in modules:
        sys.modules.pop(module, None)


def test_all_mappings_that_know_the_keys_are_named_with_their_distributions(publish):
    registry = Registry([publish("first", SHOUTING), publish("second", SHOUTING)])
    found = recognise_keys(["A.B"], registry)
    assert [type(one.mapping).__module__ for one in found.mappings] == [
        "mapping_first",
        "mapping_second",
    ]
    assert [str(one) for one in found.mappings] == [
        "'first' of mapping-first (dist-first 1.2)",
        "'second' of mapping-second (dist-second 1.2)",
    ]
    assert found.mapping is found.mappings[0].mapping
    assert found.notes == ()


def test_keys_that_no_mapping_knows_stay(publish):
    assert recognise_keys(["a.b"], Registry([publish("only", SHOUTING)])) == ((), ())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (BROKEN, "fails to import: ZeroDivisionError"),
        (RAISING, "fails: AttributeError"),
        (NO_MAPPING, "is no key mapping, which has name, matches_by_suffix"),
        ("", "is not there"),
    ],
)
def test_a_broken_mapping_is_named_and_hides_no_other(publish, source, reason):
    registry = Registry([publish("broken", source), publish("sound", SHOUTING)])
    found = recognise_keys(["A.B"], registry)
    (note,) = found.notes
    assert found.mapping.name == "shouting"
    assert "'broken' of mapping-broken (dist-broken 1.2)" in note
    assert reason in note


def test_a_mapping_is_found_by_its_name(publish):
    registry = Registry([publish("first", SHOUTING)])
    assert find_mapping("first", registry).mapping.name == "shouting"
    with pytest.raises(CheckpointError, match=r"no key mapping 'frist'. Did you mean 'first'"):
        find_mapping("frist", registry)
    with pytest.raises(CheckpointError, match="fails to import: ZeroDivisionError"):
        find_mapping("broken", Registry([publish("broken", BROKEN)]))


def test_ours_is_published_like_all_others():
    assert recognise_keys(["conv1_w", "res2_0_branch2a_w"]).mapping.name == "caffe2"
