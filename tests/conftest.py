"""What holds for every test: shapes are checked, chance is seeded, workers share the cores."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for commands that tests start, too

import ctypes
import functools
import gc
import sys
from pathlib import Path

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

from failure_lines import describe_failure

PLUGINS = {path.parent.name for path in Path(__file__).parents[1].glob("plugins/*/*.py")}
CHECKED_PACKAGES = ["composer.structures", "composer.ops", "composer.layers", *PLUGINS]

gc.disable()  # until the tests are collected: next to nothing of their modules goes again
pytest.register_assert_rewrite("drawings")

# Before any of these packages is imported: their annotations are checked at every call.
install_import_hook(CHECKED_PACKAGES, "beartype.beartype")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)

LARGE = 3 * 2**29  # 1.5 GiB: what a worker has without much of its own
IN_CI = bool(os.environ.get("CI"))
for profile, count in {"few": 25, "many": 100}.items():  # `make test-slow` asks for many
    hypothesis.settings.register_profile(
        profile, max_examples=count, deadline=None, derandomize=IN_CI, print_blob=IN_CI
    )
hypothesis.settings.load_profile("few")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or writes the cache of whoever runs it."""
    os.environ["COMPOSER_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _seed_torch():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _give_memory_back():
    """Free memory goes back to the system: a worker runs thousands of tests beside others."""
    yield
    if sys.platform == "linux" and _resident_bytes() > LARGE:
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)(0)


def pytest_itemcollected(item):
    """Marks the tests of a file of which some need an extra: `make test-slow` runs them with it."""
    if _asks_for_extras(item.path):
        item.add_marker("extra")


@functools.cache
def _asks_for_extras(file):
    return "importorskip(" in file.read_text(encoding="utf-8")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest tests start first, so that no worker has one left when the others are done."""
    items.sort(key=_expected_seconds, reverse=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop():
    """What was collected stays: looking for garbage in it takes half a second each time."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _expected_seconds(item):
    """About how long a slow test takes, where its mark says it."""
    slow = item.get_closest_marker("slow")
    return slow.kwargs.get("seconds", 0) if slow else 0


def pytest_runtest_logreport(report):
    """Names a failure at once: the summary at the end is lost where a run is cut short."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{describe_failure(report)}", flush=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Says how a worker ended that did not end by itself: its signal is known to nobody else."""
    if error:
        code = node.gateway._io.popen.wait(timeout=30)
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        print(f"\n[{node.gateway.id}] ended {how}")


def _resident_bytes():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")
