"""`composer import`."""

import re

import pytest


def test_a_spec_is_written_and_what_is_left_is_listed(cli, folder):
    (folder / "config.yaml").write_text("SOLVER: {BASE_LR: 0.5}\nMODEL: {RESNETS: {DEPTH: 101}}")
    result = cli("import", "config.yaml", "-o", "spec.yaml")
    assert (result.code, result.err) == (0, "")
    assert "SOLVER.BASE_LR = 0.5 (how the optimizer learns)" in result.out
    assert "set: {backbone.depth: 101}" in (folder / "spec.yaml").read_text()
    assert cli("check", "spec.yaml").code == 0


def test_a_spec_is_printed_by_default(cli, folder):
    (folder / "config.yaml").write_text("VERSION: 2")
    assert cli("import", "config.yaml").out.startswith("composer: 1\nname: config\n")


def test_a_mistake_is_reported_with_its_key(cli, folder):
    (folder / "config.yaml").write_text("MODEL: {RESNETS: {DEPHT: 101}}")
    result = cli("import", "config.yaml", "-o", "spec.yaml")
    assert result.code == 1
    assert "Did you mean 'MODEL.RESNETS.DEPTH'?" in result.err
    assert not (folder / "spec.yaml").exists()


def test_the_folder_of_a_spec_is_made(cli, folder):
    (folder / "config.yaml").write_text("VERSION: 2")
    assert cli("import", "config.yaml", "-o", "new/deep/spec.yaml").code == 0
    assert cli("check", "new/deep/spec.yaml").code == 0


def test_what_is_no_folder_is_reported(cli, folder):
    (folder / "config.yaml").write_text("VERSION: 2")
    result = cli("import", "config.yaml", "-o", "config.yaml/spec.yaml")
    assert result.code == 1
    assert result.err == "error: config.yaml: File exists\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "MODEL: {RPN: {LOSS_WEIGHT: -1.0}}",
            "MODEL.RPN.LOSS_WEIGHT: node 'proposal_generator",
        ),
        (
            "MODEL: {RPN: {LOSS_WEIGHT: .nan}}",
            "MODEL.RPN.LOSS_WEIGHT: node 'proposal_generator",
        ),
        ("MODEL: {PIXEL_STD: [1.0, 0.0, 1.0]}", "MODEL.PIXEL_STD: node 'preprocess'"),
        ("MODEL: {ANCHOR_GENERATOR: {OFFSET: .inf}}", "MODEL.ANCHOR_GENERATOR.OFFSET: node"),
        ("MODEL: {ROI_HEADS: {NUM_CLASSES: 0}}", "MODEL.ROI_HEADS.NUM_CLASSES: "),
    ],
)
def test_numbers_that_no_spec_may_have_are_told_at_their_keys(cli, folder, text, told):
    (folder / "config.yaml").write_text(text)
    result = cli("import", "config.yaml", "-o", "spec.yaml")
    assert result.code == 1
    assert re.search(rf"^config\.yaml {told}", " ".join(result.err.split()))
    assert not (folder / "spec.yaml").exists()
