"""Progress of an evaluation where there is no terminal."""

from composer.evaluation import EvaluationProgress, progress


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self):
        return self.now


def test_a_line_a_minute_is_printed(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    with EvaluationProgress(100) as shown:
        for now in (30, 61, 62, 90, 122):
            clock.now = now
            shown.update(10)
    assert capsys.readouterr().err.splitlines() == [
        "evaluated 20 of 100 images, 04:04 left",
        "evaluated 50 of 100 images, 02:02 left",
    ]


def test_nothing_is_printed_if_quiet_or_quick(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    for quiet, now in ((True, 100), (False, 59)):
        with EvaluationProgress(10, quiet=quiet) as shown:
            clock.now = now
            shown.update(5)
        clock.now = 0
    assert capsys.readouterr().err == ""
