"""Configurations are read as detectron2 reads them, and nothing in them is executed."""

import pytest

from composer import SpecError
from composer.importing.config_file import read_config_file

SIZES = "[[x, x * 2**(1.0/3), x * 2**(2.0/3)] for x in [32, 64]]"


def test_keys_are_dotted_and_texts_that_are_literals_become_values(write):
    path = write(
        "MODEL: {RPN: {IOU_LABELS: [0, 1]}}\nSOLVER:\n  STEPS: (60000, 80000)\n  LR: 1e-4\n"
    )
    assert read_config_file(path) == {
        "MODEL.RPN.IOU_LABELS": [0, 1],
        "SOLVER.STEPS": [60000, 80000],
        "SOLVER.LR": 0.0001,
    }


def test_a_file_stands_over_its_bases(write):
    write("SEED: 1\nVIS_PERIOD: 1\nVERSION: 1", "base.yaml")
    write("_BASE_: ../base.yaml\nSEED: 2\nVIS_PERIOD: 2", "below/middle.yaml")
    path = write("_BASE_: below/middle.yaml\nSEED: 3", "top.yaml")
    assert read_config_file(path) == {"VERSION": 1, "VIS_PERIOD": 2, "SEED": 3}


def test_an_eval_tag_is_worked_out_without_python(write):
    path = write(f'SIZES: !!python/object/apply:eval ["{SIZES}"]')
    found = read_config_file(path)["SIZES"]
    assert found[0] == [32, pytest.approx(40.3174736), pytest.approx(50.7968336)]
    assert len(found) == 2


def test_later_bases_stand_over_earlier_ones(write):
    write("SEED: 1\nVIS_PERIOD: 1", "first.yaml")
    write("SEED: 2", "second.yaml")
    path = write("_BASE_: [first.yaml, second.yaml]\nVERSION: 2")
    assert read_config_file(path) == {"SEED": 2, "VIS_PERIOD": 1, "VERSION": 2}


def test_merge_keys_are_followed(write):
    path = write("A: &a {X: 1, Y: {Z: 1}}\nB: &b {X: 2, W: 2}\nC: {<<: [*a, *b], Y: {V: 3}}")
    found = read_config_file(path)
    assert {key: found[key] for key in found if key.startswith("C.")} == {
        "C.X": 1,
        "C.W": 2,
        "C.Y.V": 3,
    }


def test_tuples_and_aliases_are_read(write):
    path = write("A: &one !!python/tuple [1, 2]\nB: *one")
    assert read_config_file(path) == {"A": [1, 2], "B": [1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MODEL: {SIZES: !!python/object/apply:eval [\"open('x', 'w')\"]}", "MODEL.SIZES: this is"),
        ("A: !!python/object/apply:os.system [touch x]", "A: the tag '!!python/object/apply:os"),
        ("A: !!python/name:os.system", "the tag '!!python/name:os.system' is not allowed"),
        ("A: [1", "not valid YAML"),
        ("- 1", "a configuration is a mapping"),
        ("? [1]\n: 2", "a key must be a plain word"),
        ("_BASE_: config.yaml", "refers back to itself"),
        ("_BASE_: http://example.com/x.yaml", "a base is a file beside this one"),
        ("_BASE_: missing.yaml", "cannot read 'missing.yaml': No such file"),
        ("A: &a [*a]", "too deep or too large"),
        ("A: &a {<<: *a}", "too deep or too large"),
        ("A: {<<: 1}", "'<<' expects a mapping"),
    ],
)
def test_what_is_no_plain_configuration_is_refused(write, tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        read_config_file(write(text))
    assert message in " ".join(str(caught.value).split())
    assert not (tmp_path / "x").exists()


def test_a_lazy_configuration_is_refused_as_code(write):
    with pytest.raises(SpecError, match="is code, which is not run"):
        read_config_file(write("model = 1", "model.py"))


def test_an_empty_file_says_nothing(write):
    assert read_config_file(write("")) == {}
