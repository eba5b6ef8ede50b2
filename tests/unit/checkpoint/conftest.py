"""A file that no test may bring into being."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Where attacks leave a file. Afterwards there must be none."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "the attack was carried out"
