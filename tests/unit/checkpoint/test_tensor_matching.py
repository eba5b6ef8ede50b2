"""Matching tensors of checkpoints with nodes."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.checkpoint import Checkpoint, Mismatch, NodeReport, match_tensors
from composer.checkpoint.tensor_matching import match_by_suffix
from composer.errors import CheckpointError

keys = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(".".join)


def test_the_longest_ending_wins():
    available = ["weight", "conv1.weight", "res2.0.conv1.weight"]
    wanted = ["backbone.res2.0.conv1.weight", "backbone.stem.conv1.weight", "head.weight"]
    assert match_by_suffix(wanted, available) == {
        "backbone.res2.0.conv1.weight": "res2.0.conv1.weight",
        "backbone.stem.conv1.weight": "conv1.weight",
        "head.weight": "weight",
    }


def test_an_ending_begins_after_a_dot():
    assert match_by_suffix(["backbone.xconv1.weight"], ["conv1.weight"]) == {}


def test_one_key_for_two_places_is_an_error_that_names_both():
    with pytest.raises(CheckpointError, match=r"'fc\.weight' fits both 'a\.fc\.weight' and 'b\.fc"):
        match_by_suffix(["a.fc.weight", "b.fc.weight"], ["fc.weight"])


@given(st.sets(keys), st.sets(keys))
def test_it_finds_what_a_comparison_of_all_pairs_finds(wanted, available):
    best = {}
    for key in wanted:
        endings = [other for other in available if f".{key}".endswith(f".{other}")]
        if endings:
            best[key] = max(endings, key=len)
    if len(set(best.values())) < len(best):
        with pytest.raises(CheckpointError):
            match_by_suffix(wanted, available)
    else:
        assert match_by_suffix(wanted, available) == best


PREFIXES = {
    "backbone.bottom_up": "backbone.bottom_up.",
    "backbone.fpn": "backbone.",
    "roi_heads.mask_head": "roi_heads.mask_head.",
}
SHAPES = {
    "backbone.bottom_up": {"conv1.weight": (4, 3), "conv1.bias": (4,)},
    "backbone.fpn": {"fpn_lateral2.weight": (2, 4)},
    "roi_heads.mask_head": {"predictor.weight": (80, 2), "predictor.bias": (80,)},
}
TARGETS = {
    path: {name: torch.zeros(shape, device="meta") for name, shape in shapes.items()}
    for path, shapes in SHAPES.items()
}
FULL = {
    PREFIXES[path] + name: torch.rand(shape)
    for path, shapes in SHAPES.items()
    for name, shape in shapes.items()
}


def checkpoint(tensors, *, by_suffix=False):
    return Checkpoint(Path("model.pth"), "torch", tensors, matching_heuristics=by_suffix)


def match(tensors, *, targets=TARGETS, prefix_of=PREFIXES, by_suffix=False, **options):
    found = checkpoint(tensors, by_suffix=by_suffix)
    return match_tensors(targets, found, prefix_of=prefix_of, **options)


def only(path):
    return {path: TARGETS[path]}


def without(*keys):
    return {key: tensor for key, tensor in FULL.items() if key not in keys}


def test_each_node_gets_the_tensors_of_its_namespace():
    assignment, report = match(FULL)
    assert report.ok
    for path, names in TARGETS.items():
        assert set(assignment[path]) == set(names) == set(report.nodes[path].loaded)
        for name in names:
            assert assignment[path][name] is FULL[PREFIXES[path] + name]


def test_a_tensor_that_the_file_does_not_have_is_missing():
    assignment, report = match(without("backbone.bottom_up.conv1.bias"))
    assert report.nodes["backbone.bottom_up"] == NodeReport(
        loaded=("conv1.weight",), missing=("conv1.bias",)
    )
    assert set(assignment["backbone.bottom_up"]) == {"conv1.weight"}


def test_a_tensor_of_another_shape_is_mismatched_and_not_assigned():
    key = "roi_heads.mask_head.predictor.bias"
    assignment, report = match({**FULL, key: torch.rand(20)})
    assert report.nodes["roi_heads.mask_head"].mismatched == (
        Mismatch("predictor.bias", expected=(80,), found=(20,)),
    )
    assert set(assignment["roi_heads.mask_head"]) == {"predictor.weight"}


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("roi_heads.mask_head.predictor.scale", "roi_heads.mask_head"),
        ("backbone.bottom_up.res6.weight", "backbone.bottom_up"),
        ("backbone.bottom.weight", "backbone.fpn"),
        ("roi_heads.keypoint_head.weight", "roi_heads"),
        ("roi_heads.weight", "roi_heads"),
        ("sem_seg_head.weight", "(no node)"),
        ("weight", "(no node)"),
    ],
)
def test_a_key_that_no_node_wants_is_listed_where_it_would_belong(key, place):
    assignment, report = match({**FULL, key: torch.rand(1)})
    assert {path: node.unexpected for path, node in report.nodes.items() if node.unexpected} == {
        place: (key,)
    }
    assert place in assignment or place not in TARGETS


@pytest.mark.parametrize("partial", [True, False])
def test_keys_of_a_node_that_is_no_target_are_unused(partial):
    report = match(FULL, targets=only("backbone.fpn"), partial=partial).report
    assert report.ok
    assert report.nodes == {"backbone.fpn": NodeReport(loaded=("fpn_lateral2.weight",))}
    assert set(report.unused) == {key for key in FULL if key != "backbone.fpn_lateral2.weight"}


def test_keys_of_unknown_nodes_are_unused_where_the_file_may_hold_more():
    tensors = {**FULL, "sem_seg_head.weight": torch.rand(1), "backbone.extra": torch.rand(1)}
    report = match(tensors, partial=True).report
    assert report.unused == ("sem_seg_head.weight",)
    assert report.nodes["backbone.fpn"].unexpected == ("backbone.extra",)


def test_one_node_is_loaded_from_another_prefix():
    path = "roi_heads.mask_head"
    tensors = {f"mask_branch.{name}": torch.rand(shape) for name, shape in SHAPES[path].items()}
    assignment, report = match(
        {**tensors, "box_branch.weight": torch.rand(1)},
        targets=only(path),
        prefix_of={path: "mask_branch."},
        partial=True,
    )
    assert report.ok
    assert assignment[path]["predictor.bias"] is tensors["mask_branch.predictor.bias"]
    assert report.unused == ("box_branch.weight",)


def test_a_node_without_a_prefix_takes_a_bare_state_dict():
    path = "roi_heads.mask_head"
    tensors = {name: torch.rand(shape) for name, shape in SHAPES[path].items()}
    report = match(
        {**tensors, "extra": torch.rand(1)}, targets=only(path), prefix_of={path: ""}
    ).report
    assert report.nodes[path].loaded == tuple(tensors)
    assert report.nodes[path].unexpected == ("extra",)


@pytest.mark.parametrize(
    "key",
    [
        "pixel_mean",
        "pixel_std",
        "proposal_generator.anchor_generator.cell_anchors.0",
        "anchor_generator.cell_anchors.4",
        "backbone.bottom_up.conv1.norm.num_batches_tracked",
        "roi_heads.box_predictor.fed_loss_cls_weights",
    ],
)
def test_what_is_nobodys_weights_is_ignored(key):
    report = match({**FULL, key: torch.rand(1)}).report
    assert report.ok
    assert report.ignored == (key,)


@pytest.mark.parametrize(
    "key", ["cell_anchors.0", "pixel_means", "backbone.pixel_mean.weight", "fc1000.weight"]
)
def test_what_merely_looks_like_it_is_not_ignored(key):
    report = match({**FULL, key: torch.rand(1)}).report
    assert not report.ok
    assert report.ignored == ()


def test_a_module_that_counts_batches_may_load_a_file_that_did_not():
    targets = {"head": {"weight": torch.zeros(2), "num_batches_tracked": torch.tensor(0)}}
    assignment, report = match(
        {"head.weight": torch.rand(2)}, targets=targets, prefix_of={"head": "head."}
    )
    assert report.ok
    assert set(assignment["head"]) == {"weight"}


def test_a_count_of_batches_is_loaded_where_both_have_it():
    targets = {"head": {"num_batches_tracked": torch.tensor(0)}}
    tensors = {"head.num_batches_tracked": torch.tensor(9)}
    assignment, report = match(tensors, targets=targets, prefix_of={"head": "head."})
    assert assignment["head"]["num_batches_tracked"] == 9
    assert report.ignored == ()


def test_a_node_without_weights_gets_an_empty_assignment():
    assignment, report = match(
        {}, targets={"postprocess": {}}, prefix_of={"postprocess": "postprocess."}
    )
    assert assignment == {"postprocess": {}}
    assert report.ok


class TestBySuffix:
    SHORT = {"conv1.weight": torch.rand(4, 3), "conv1.bias": torch.rand(4)}  # noqa: RUF012

    def test_keys_are_matched_by_their_ending(self):
        assignment, report = match(self.SHORT, targets=only("backbone.bottom_up"), by_suffix=True)
        assert report.ok
        assert assignment["backbone.bottom_up"] == self.SHORT

    def test_a_full_key_is_preferred(self):
        exact = torch.rand(4)
        tensors = {**self.SHORT, "backbone.bottom_up.conv1.bias": exact}
        assignment, report = match(tensors, targets=only("backbone.bottom_up"), by_suffix=True)
        assert assignment["backbone.bottom_up"]["conv1.bias"] is exact
        assert report.unused == ("conv1.bias",)

    def test_without_being_asked_for_endings_do_not_count(self):
        report = match(self.SHORT, targets=only("backbone.bottom_up")).report
        assert report.nodes["backbone.bottom_up"].missing == ("conv1.weight", "conv1.bias")
        assert report.nodes["(no node)"].unexpected == ("conv1.weight", "conv1.bias")

    def test_the_caller_may_ask_for_it(self):
        target = only("backbone.bottom_up")
        assert match(self.SHORT, targets=target, by_suffix=False, partial=True).report.unused
        found = match_tensors(target, checkpoint(self.SHORT), prefix_of=PREFIXES, by_suffix=True)
        assert found.report.ok

    def test_another_shape_is_a_mismatch(self):
        tensors = {**self.SHORT, "conv1.bias": torch.rand(7)}
        report = match(tensors, targets=only("backbone.bottom_up"), by_suffix=True).report
        assert report.nodes["backbone.bottom_up"].mismatched[0].found == (7,)

    def test_one_key_for_two_nodes_is_an_error(self):
        targets = {"a": {"conv1.bias": torch.zeros(4)}, "b": {"conv1.bias": torch.zeros(4)}}
        with pytest.raises(
            CheckpointError, match=r"fits both 'a\.conv1\.bias' and 'b\.conv1\.bias'"
        ):
            match(self.SHORT, targets=targets, prefix_of={"a": "a.", "b": "b."}, by_suffix=True)

    @pytest.mark.parametrize(
        "key", ["fc1000.weight", "stem.fc.bias", "fc.weight", "stem.conv1.bias"]
    )
    def test_the_classifier_of_a_backbone_is_ignored(self, key):
        tensors = {**self.SHORT, key: torch.rand(1)}
        report = match(tensors, targets=only("backbone.bottom_up"), by_suffix=True).report
        assert report.ok
        assert report.ignored == (key,)

    def test_in_a_partial_load_what_matches_nothing_is_unused(self):
        tensors = {**self.SHORT, "box_head.fc1.weight": torch.rand(1)}
        report = match(
            tensors, targets=only("backbone.bottom_up"), by_suffix=True, partial=True
        ).report
        assert report.ok
        assert report.unused == ("box_head.fc1.weight",)

    def test_what_matches_nothing_may_belong_to_a_node_that_is_no_target(self):
        tensors = {**self.SHORT, "box_head.fc1.weight": torch.rand(1)}
        report = match(tensors, targets=only("backbone.bottom_up"), by_suffix=True).report
        assert report.unused == ("box_head.fc1.weight",)

    def test_what_matches_nothing_is_unexpected_where_all_nodes_are_targets(self):
        key = "box_head.fc1.weight"
        report = match({**FULL, key: torch.rand(1)}, by_suffix=True).report
        assert report.nodes["(no node)"].unexpected == (key,)
