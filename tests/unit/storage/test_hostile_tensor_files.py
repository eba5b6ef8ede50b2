"""No file of tensors kills the process, or takes more time and memory than its size explains."""

import json
import os
import subprocess
import sys

import pytest

from unit.checkpoint.hostile_tensor_files import FILES

# Each file is read in a process of its own: an error is reported, a signal is seen.
READ_ALL = """
import json, os, resource, sys
from composer.checkpoint import read_checkpoint
from composer.errors import ComposerError
from composer.storage import is_tensor_file, read_tensors

for path in sys.argv[1:]:
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome = "it was read"
        try:
            (read_tensors if is_tensor_file(path) else read_checkpoint)(path)
        except ComposerError as error:
            outcome = str(error)
        end = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps([path, outcome, (end.ru_maxrss - begin) // 1024, end.ru_utime]))
        sys.stdout.flush()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        print(json.dumps([path, f"status {status}", 0, 0]))
"""

EXPECTED = {
    "a key of great depth": "nested more than 64 deep",
    "a key of great depth, in an old file": "nested more than 64 deep",
    "lists of great depth": "nested more than 64 deep",
    "two directories": "its directory does not end where it should",
    "names that differ by case": "names that some readers take for one",
    "a tensor of 100,000 dimensions": "64 is the limit",
    "a tensor of terabytes": "COMPOSER_MAX_BYTES",
    "views that claim a gibibyte each": "COMPOSER_MAX_BYTES",
    "a text encoded 5,000 times": "COMPOSER_MAX_BYTES",
    "keys with one hash": "integers of over 60 bits",
    "an integer of a gibibyte": "hostile",
    "digits without end": "hostile",
    "a place far away in the memo": "it has no tensors",
    "one list in many places": "one container in too many places",
    "300,000 tensors": "250000 is the limit",
    "a key twice": "twice",
    "a header of great depth": "malformed header",
    "a tensor of 65 dimensions": "64 is the limit",
    "a side of 1,000 digits": "header",
    "numbers of great depth": "cannot be read",
    "a name twice": "a key twice",
    "numbers that collide as names": "names are text",
    "an array set over and over": "COMPOSER_MAX_BYTES",
    "an array of zeros": "it was read",
    "a class named over and over": "COMPOSER_MAX_BYTES",
    "a state of great depth": "nested more than 64 deep",
    "an argument of great depth": "nested more than 64 deep",
    "an item of great depth": "nested more than 64 deep",
    "an object in many places": "no tensors outside of objects",
    "an object as an input": "refused the global 'project.Thing'",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, write in FILES.values():
        write(folder / name)
    paths = [str(folder / name) for name, _ in FILES.values()]
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *paths],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COMPOSER_MAX_BYTES": "128M"},
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {path: rest for path, *rest in lines}
    return {what: found[str(folder / name)] for what, (name, _) in FILES.items()}


@pytest.mark.parametrize("what", FILES)
def test_a_hostile_file_is_a_message(what, outcomes):
    outcome, megabytes, _ = outcomes[what]
    assert EXPECTED[what] in outcome
    assert megabytes < 400  # the limit of a small file, and what Python needs besides


def test_all_of_it_takes_little_time(outcomes):
    assert {what: seconds for what, (_, _, seconds) in outcomes.items() if seconds > 20} == {}
