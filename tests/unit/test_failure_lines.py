"""A failure is named in the moment of it, by the hook in conftest.py."""

import pytest

from failure_lines import describe_failure


def fail():
    raise ValueError("no such thing\nand more of it")


def report_of(item, function, when):
    call = pytest.CallInfo.from_call(function, when)
    return pytest.TestReport.from_item_and_call(item, call)


def test_a_failure_is_a_line_with_test_place_and_reason(request):
    line = describe_failure(report_of(request.node, fail, "call"))
    test = request.node.nodeid
    place = f"{__file__}:{fail.__code__.co_firstlineno + 1}"
    assert line == f"FAILED {test}: {place}: ValueError: no such thing"


def test_the_failure_of_a_fixture_is_told_apart(request):
    line = describe_failure(report_of(request.node, fail, "setup"))
    assert line.startswith(f"FAILED (setup) {request.node.nodeid}: ")
