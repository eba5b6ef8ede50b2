"""What holds for every test: shapes are checked, chance is seeded, workers share the cores."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for commands that tests start, too

from pathlib import Path

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

PLUGINS = {path.parent.name for path in Path(__file__).parents[1].glob("plugins/*/*.py")}
CHECKED_PACKAGES = ["composer.structures", "composer.ops", "composer.layers", *PLUGINS]

# Before any of these packages is imported: their annotations are checked at every call.
install_import_hook(CHECKED_PACKAGES, "beartype.beartype")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)

hypothesis.settings.register_profile("developer", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "developer")


@pytest.fixture(autouse=True)
def _seed_torch():
    torch.manual_seed(0)
