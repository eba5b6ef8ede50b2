"""Numbers that no node type can work with are found when a spec is checked, with their place."""

import pytest

from composer.construction import check_source
from composer.errors import SpecError

HEAD = "composer: 1\nextends: {spec}\nnodes:\n"


def problems_of(tmp_path, spec, nodes):
    path = tmp_path / "changed.yaml"
    path.write_text(HEAD.format(spec=spec) + nodes)
    with pytest.raises(SpecError) as caught:
        check_source(path)
    return caught.value.problems


def test_what_is_out_of_range_is_found_all_at_once(tmp_path):
    problems = problems_of(
        tmp_path,
        "mask_rcnn_r50_fpn",
        """\
  preprocess: {with: {pixel_std: [1.0, 0.0, 1.0], size_divisibility: -1}}
  proposal_generator:
    nodes:
      anchors: {with: {sizes: [[-3.0]], offset: 1.0}}
      rpn_head: {with: {conv_dims: [0]}}
      rpn_targets: {with: {iou_labels: [0, 2]}}
      proposals: {with: {nms_threshold: .nan, pre_nms_topk_training: -3}}
      rpn_losses: {with: {box_weights: [1, 1, 0, 1], loss_weight: .inf}}
""",
    )
    found = [
        (problem.place.line, problem.message.rpartition("configuration ")[2])
        for problem in problems
    ]
    assert found == [
        (4, "'pixel_std': should be greater than 0, not 0.0"),
        (4, "'size_divisibility': should be greater than or equal to 0, not -1"),
        (7, "'sizes': should be greater than 0, not -3.0"),
        (7, "'offset': should be less than 1, not 1.0"),
        (8, "'conv_dims': should be greater than or equal to 1 or -1, not 0"),
        (9, "'iou_labels': should be -1, 0 or 1, not 2"),
        (10, "'nms_threshold': should be a finite number, not nan"),
        (10, "'pre_nms_topk_training': should be greater than or equal to 0, not -3"),
        (11, "'box_weights': should be greater than 0, not 0"),
        (11, "'loss_weight': should be a finite number, not inf"),
    ]


@pytest.mark.parametrize(
    ("spec", "param"),
    [
        ("retinanet_r50_fpn", "num_classes"),
        ("fcos_r50_fpn", "num_classes"),
        ("semantic_r50_fpn", "sem_seg_num_classes"),
    ],
)
def test_a_model_has_a_class_at_least(spec, param):
    with pytest.raises(SpecError) as caught:
        check_source(spec, set={param: 0})
    (problem,) = caught.value.problems
    assert str(problem.place) == f"set {param}"
    assert problem.message == "'num_classes': should be greater than or equal to 1, not 0"


def test_more_samples_of_a_cell_than_the_kernel_can_count_are_refused(tmp_path):
    nodes = "  roi_heads: {nodes: {box_pooler: {with: {sampling_ratio: 1000000000}}}}\n"
    (problem,) = problems_of(tmp_path, "faster_rcnn_r50_fpn", nodes)
    assert "'sampling_ratio': should be less than or equal to 64, not 1000000000" in problem.message
