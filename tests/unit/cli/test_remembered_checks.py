"""Checks have one outcome, whether it is remembered or found."""

import time

import pytest

from composer.cache_folders import find_cache_folder
from composer.discovery import shipped_specs
from composer.outcomes import KIND, source_hashes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, in a process whose sources count as old."""
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source_hashes, "_IMPORTED_AT", time.time() + 1000)
    return find_cache_folder(KIND)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(shipped_specs()))
def test_every_shipped_spec_has_one_outcome(name, cli, cache):
    first = cli("check", name)
    assert len(list(cache.glob("*"))) == (first.code == 0)  # an extra may be missing
    assert cli("check", name) == first


BROKEN = {
    "type": "nodes: {a: {uses: mask_hed}}",
    "wire": "nodes: {a: {uses: relu_of_nobody, inputs: {x: nothing}}}",
    "yaml": "nodes: {a: [",
    "config": "nodes: {p: {uses: preprocess, inputs: {batch: b}, with: {pixel_mean: x, what: 1}}}",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_specs_have_the_same_outcome_every_time(case, cli, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text(f"composer: 1\ninputs: {{b: ImageBatch}}\n{BROKEN[case]}")
    first = cli("check", "broken.yaml")
    assert first.code == 1
    assert cli("check", "broken.yaml") == first
    assert not cache.exists()
