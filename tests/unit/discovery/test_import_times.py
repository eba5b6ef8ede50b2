"""Times of imports."""

import sys
import time

from composer.discovery import import_time
from composer.discovery.import_times import noted_import


def test_the_time_of_an_import_is_noted_once(tmp_path, monkeypatch):
    (tmp_path / "noted_package.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    before = time.time()
    with noted_import("noted_package.inner"):
        __import__("noted_package")
    noted = import_time("noted_package")
    assert before <= noted <= time.time()
    with noted_import("noted_package"):
        __import__("noted_package")
    assert import_time("noted_package") == noted
    del sys.modules["noted_package"]


def test_what_nobody_noted_was_imported_after_the_process_began():
    assert import_time("json") <= import_time("noted_nowhere") < time.time()
