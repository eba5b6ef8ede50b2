"""One line for a test that failed, as soon as it did."""

import pytest


def describe_failure(report: pytest.TestReport) -> str:
    """Which test failed, in which phase but the call itself, where, and the first line of why."""
    phase = "" if report.when == "call" else f" ({report.when})"
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        where, message = "", report.longreprtext
    else:
        where, message = f" {crash.path}:{crash.lineno}:", crash.message
    reason = next(iter(message.strip().splitlines()), "")
    return f"FAILED{phase} {report.nodeid}:{where} {reason}"
