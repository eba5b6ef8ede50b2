import json

import pytest

from composer.checkpoint import LoadReport, Mismatch, NodeReport
from composer.errors import CheckpointError, CheckpointMismatchError

FINE = NodeReport(loaded=("weight", "bias"))
MISSING = NodeReport(loaded=("weight",), missing=("bias",))
UNEXPECTED = NodeReport(loaded=("weight",), unexpected=("head.scale",))
MISMATCHED = NodeReport(mismatched=(Mismatch("weight", (11, 4), (81, 4)),))


def report(*nodes, **options):
    paths = {f"node{index}": node for index, node in enumerate(nodes)}
    return LoadReport("model.pkl", "caffe2 pickle", paths, **options)


def test_a_report_without_faults_takes_one_line():
    assert str(report(FINE, FINE)) == (
        "model.pkl (caffe2 pickle): all 4 tensors of 2 nodes loaded."
    )


def test_one_is_counted_in_the_singular():
    assert str(report(NodeReport(loaded=("weight",)))).endswith("all 1 tensor of 1 node loaded.")


def test_what_was_ignored_or_unused_is_said_in_a_line_each():
    keys = tuple(f"k{index}" for index in range(10))
    lines = str(report(FINE, ignored=("pixel_mean",), unused=keys)).splitlines()
    assert lines[1:] == [
        "  ignored, since no weights: pixel_mean",
        "  10 tensors in the file for other nodes",
    ]


def test_a_long_list_of_ignored_keys_is_cut():
    keys = tuple(f"k{index}" for index in range(10))
    assert "k6, k7 and 2 more" in str(report(FINE, ignored=keys))


def test_a_report_with_faults_is_a_table_of_the_nodes():
    nodes = {
        "backbone.bottom_up": FINE,
        "roi_heads.box_predictor": NodeReport(
            loaded=("a", "b"),
            missing=("scale",),
            unexpected=("roi_heads.box_predictor.scales", "roi_heads.box_predictor.other"),
            mismatched=(Mismatch("cls_score.bias", (11,), (81,)), Mismatch("step", (), (1, 2))),
        ),
        "postprocess": NodeReport(),
    }
    assert str(LoadReport("model.pth", "torch", nodes)).splitlines() == [
        "model.pth (torch): 4 of 7 tensors of 2 nodes fit.",
        "  node                         loaded     missing  unexpected  mismatched",
        "  backbone.bottom_up              2/2",
        "  roi_heads.box_predictor         2/5           1           2           2",
        "      mismatched  cls_score.bias: 11 expected, 81 found",
        "      mismatched  step: scalar expected, 1x2 found",
        "      missing     scale  (the file has 'roi_heads.box_predictor.scales')",
        "      unexpected  roi_heads.box_predictor.scales",
        "      unexpected  roi_heads.box_predictor.other",
    ]


def test_an_error_offers_the_options_that_its_reader_has():
    faulty = report(MISSING, UNEXPECTED, MISMATCHED)
    with pytest.raises(CheckpointMismatchError) as caught:
        faulty.raise_if()
    assert list(caught.value.advice) == ["skip_mismatched", "allow_missing", "allow_unexpected"]
    assert str(caught.value) == str(faulty) + (
        "\n  skip_mismatched leaves tensors of another shape as they are, as for another number "
        "of classes."
        "\n  allow_missing leaves tensors that are not in the file as they are."
        "\n  allow_unexpected passes over tensors that no node has."
    )
    on_the_command_line = caught.value.describe({"allow_missing": "--allow-missing"})
    assert on_the_command_line == str(faulty) + (
        "\n  --allow-missing leaves tensors that are not in the file as they are."
    )
    assert caught.value.describe({}) == str(faulty)


def test_another_network_is_called_one_without_guesses():
    names = tuple(f"layer{index}.weight" for index in range(298))
    others = tuple(f"blocks.{index}.attention.kernel" for index in range(161))
    other = report(NodeReport(missing=names), NodeReport(unexpected=others))
    with pytest.raises(CheckpointMismatchError) as caught:
        other.raise_if()
    assert str(caught.value).splitlines() == [
        "model.pkl (caffe2 pickle): 0 of 298 tensors of 1 node fit: another network.",
        "  in the file: blocks.0.attention.kernel, blocks.1.attention.kernel, "
        "blocks.2.attention.kernel, ...",
        "  in the graph: node0: layer0.weight, node0: layer1.weight, node0: layer2.weight, ...",
    ]


def test_remarks_are_made_of_every_load():
    nonfinite = {"node0.weight": (3, 64)}
    shown = str(report(FINE, choices=("names without 'model.'",), nonfinite=nonfinite))
    assert shown.splitlines()[1:] == [
        "  names without 'model.'",
        "  1 tensor with NaN or infinite numbers: node0.weight (3 of 64)",
    ]


@pytest.mark.parametrize("fault", ["missing", "unexpected", "mismatched"])
def test_of_many_names_the_first_eight_are_shown(fault):
    names = [f"name{index}" for index in range(20)]
    values = [Mismatch(n, (1,), (2,)) for n in names] if fault == "mismatched" else names
    shown = str(report(NodeReport(**{fault: tuple(values)})))
    assert "name7" in shown
    assert "name8" not in shown
    assert "... and 12 more" in shown


def test_the_closest_match_of_a_missing_name_may_belong_to_another_node():
    strangers = NodeReport(unexpected=("mask_hed.predictor.weight",))
    node = NodeReport(missing=("predictor.weight",))
    assert "(the file has 'mask_hed.predictor.weight')" in str(report(node, strangers))


def test_a_missing_name_without_a_similar_one_gets_no_hint():
    node = NodeReport(missing=("predictor.weight",), unexpected=("alpha.beta",))
    assert "the file has" not in str(report(node))


def test_keys_that_belong_nowhere_are_a_row_of_the_table():
    shown = str(LoadReport("m", "torch", {"(no node)": NodeReport(unexpected=("x.y",))}))
    assert "  (no node)         0/0                       1\n      unexpected  x.y" in shown


@pytest.mark.parametrize(
    ("node", "option"),
    [
        (MISSING, "allow_missing"),
        (UNEXPECTED, "allow_unexpected"),
        (MISMATCHED, "skip_mismatched"),
    ],
)
def test_each_fault_raises_unless_its_own_option_allows_it(node, option):
    faulty = report(FINE, node)
    assert not faulty.ok
    others = {"allow_missing", "allow_unexpected", "skip_mismatched"} - {option}
    with pytest.raises(CheckpointMismatchError) as caught:
        faulty.raise_if(**dict.fromkeys(others, True))
    assert caught.value.report is faulty
    assert str(caught.value).startswith(str(faulty))
    assert list(caught.value.advice) == [option]
    assert isinstance(caught.value, CheckpointError)
    faulty.raise_if(**{option: True})


def test_without_strictness_nothing_raises():
    report(MISSING, UNEXPECTED, MISMATCHED).raise_if(strict=False)


def test_a_report_without_faults_does_not_raise():
    fine = report(FINE, NodeReport(), ignored=("pixel_mean",), unused=("x",))
    assert fine.ok
    fine.raise_if()


def test_a_report_is_plain_data_in_json():
    value = json.loads(json.dumps(report(FINE, MISMATCHED, ignored=("pixel_mean",)).to_json()))
    assert value == {
        "source": "model.pkl",
        "format": "caffe2 pickle",
        "ok": False,
        "nodes": {
            "node0": {
                "loaded": ["weight", "bias"],
                "missing": [],
                "unexpected": [],
                "mismatched": [],
                "resized": [],
            },
            "node1": {
                "loaded": [],
                "missing": [],
                "unexpected": [],
                "mismatched": [{"name": "weight", "expected": [11, 4], "found": [81, 4]}],
                "resized": [],
            },
        },
        "ignored": ["pixel_mean"],
        "unused": [],
        "notes": [],
        "choices": [],
        "nonfinite": {},
    }


def test_notes_are_said_where_something_does_not_fit_and_only_there():
    notes = ("key mapping 'x' fails to import",)
    assert "note: key mapping 'x'" in str(report(MISSING, notes=notes))
    assert "note" not in str(report(FINE, notes=notes))
