"""`composer specs`."""

import re

from composer.discovery import shipped_specs


def test_specs_are_listed_with_their_first_line(cli):
    result = cli("specs")
    assert result.code == 0
    names = [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")]
    assert names == list(shipped_specs())
    assert re.search(r"^mask_rcnn_r50_fpn +Mask R-CNN, ResNet-50-FPN", result.out, re.MULTILINE)
