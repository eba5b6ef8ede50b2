"""`composer check`."""

import os

import pytest

BROKEN = """\
composer: 1
nodes:
  head:
    uses: mask_hed
    inputs: {x: nowhere}
"""


def test_good_spec_gets_one_line(cli, folder):
    assert cli("check", "small.yaml") == (0, "small.yaml: ok (8 nodes from 5 plugins)\n", "")


def test_shipped_spec_is_found_by_name(cli):
    result = cli("check", "mask_rcnn_r50_fpn")
    assert result.code == 0
    assert result.out.startswith("mask_rcnn_r50_fpn: ok (")


def test_problems_are_printed_with_place_excerpt_and_way_out(cli, folder):
    (folder / "broken.yaml").write_text(BROKEN)
    result = cli("check", "broken.yaml")
    assert (result.code, result.err) == (1, "")
    assert "broken.yaml:4:11: unknown node type 'mask_hed'. Did you mean 'mask_head'" in result.out
    assert "\n       4 |     uses: mask_hed\n                     ^^^^^^^^\n" in result.out
    assert "broken.yaml:5:17: there is no node or input 'nowhere'" in result.out
    assert result.out.endswith("2 problems.\n")


def test_several_specs_are_all_checked(cli, folder):
    (folder / "broken.yaml").write_text(BROKEN)
    result = cli("check", "broken.yaml", "small.yaml")
    assert result.code == 1
    assert result.out.endswith("small.yaml: ok (8 nodes from 5 plugins)\n")


def test_settings_are_checked_too(cli, folder):
    assert cli("check", "small.yaml", "--set", "channels=16").code == 0
    result = cli("check", "small.yaml", "--set", "channels=many")
    assert result.code == 1
    assert "'out_channels'" in result.out
    assert "--set channels=many" in result.out


def test_form_leaves_wires_and_configuration_unchecked(cli, folder):
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text.replace("num_anchors", "num_anchor"))
    result = cli("check", "--form", "small.yaml")
    assert result == (0, "small.yaml: the form is ok (8 nodes from 5 plugins)\n", "")
    assert cli("check", "small.yaml").code == 1


def test_form_finds_problems_of_form(cli, folder):
    (folder / "broken.yaml").write_text(BROKEN)
    assert cli("check", "--form", "broken.yaml").code == 1


def test_missing_file_is_a_problem(cli, folder):
    result = cli("check", "nowhere.yaml")
    assert result.code == 1
    assert "there is no spec 'nowhere.yaml'" in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "x" * 10_000],
        ["check", "small.yaml", "--set", "x" * 10_000 + "=1"],
        ["check", "small.yaml", "--set", "fpn.norm=" + "9" * 5000],
        ["check", "small.yaml", "--set", "fpn.norm=" + "a b " * 5000],
        ["x" * 10_000],
        ["run", "small.yaml", "--device", "x" * 10_000],
        ["run", "small.yaml", "--until", "x" * 10_000],
        ["run", "small.yaml", "--feed", "x" * 10_000 + "=" + "y" * 10_000],
        ["nodes", "x" * 10_000],
    ],
)
def test_words_of_thousands_of_letters_are_shortened(cli, folder, arguments):
    result = cli(*arguments)
    assert result.code in (1, 2)
    assert len(result.out + result.err) < 3000


def test_a_pipe_is_named_once(cli, folder):
    os.mkfifo("p.pth")
    result = cli("check", "p.pth")
    assert result.code == 1
    assert result.out.count("p.pth") == 1
