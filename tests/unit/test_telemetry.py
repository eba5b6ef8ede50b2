"""OpenVINO's libraries report nothing while they are used."""

import sys
from types import ModuleType

import pytest

from composer.telemetry import without_telemetry

NAME = "openvino_telemetry"


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    for name in (NAME, f"{NAME}.utils", f"{NAME}.utils.sender"):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, name)


def test_the_library_is_hidden_and_shown_again():
    with without_telemetry():
        with pytest.raises(ImportError):
            __import__(NAME)
        with without_telemetry(), pytest.raises(ImportError):
            __import__(NAME)
        with pytest.raises(ImportError):
            __import__(NAME)
    assert NAME not in sys.modules


def test_a_library_that_somebody_imported_sends_nothing_meanwhile(monkeypatch):
    class TelemetrySender:
        sent = ()

        def send(self, *what):
            self.sent += what

    sender = ModuleType(f"{NAME}.utils.sender")
    sender.TelemetrySender = TelemetrySender
    for name in (NAME, f"{NAME}.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, sender.__name__, sender)
    one = TelemetrySender()
    with without_telemetry():
        one.send("inside")
    one.send("outside")
    assert one.sent == ("outside",)
