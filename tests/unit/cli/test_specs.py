"""`composer specs`."""

import re

from composer.discovery import shipped_specs


def test_specs_are_listed_with_their_first_line(cli):
    result = cli("specs")
    assert result.code == 0
    names = [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")]
    assert names == list(shipped_specs())
    assert re.search(r"^mask_rcnn_r50_fpn +Mask R-CNN, ResNet-50-FPN", result.out, re.MULTILINE)


def test_values_of_a_spec_are_listed_with_addresses_and_meanings(cli):
    result = cli("specs", "mask_rcnn_r50_fpn")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert "depth backbone.bottom_up.depth" in lines
    assert "num_classes 80 roi_heads.num_classes" in lines
    assert "roi_heads.box_head: box_head" in lines
    norm = next(line for line in lines if line.startswith("roi_heads.box_head.norm "))
    assert norm.startswith('roi_heads.box_head.norm "" ')
    assert len(norm.split()) > 4


def test_a_spec_that_is_not_there_has_no_values(cli):
    result = cli("specs", "mask_rcnn_r50")
    assert (result.code, result.out) == (1, "")
    assert "Did you mean" in result.err
