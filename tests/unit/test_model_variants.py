"""Names of models with a variant."""

import pytest

from composer.errors import InputError
from composer.model_variants import ModelVariant, split_variant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("people", ModelVariant("people")),
        ("people@eager", ModelVariant("people")),
        ("people@optimized", ModelVariant("people", is_eager=False)),
        ("people@float32", ModelVariant("people", is_eager=False)),
        ("people@bfloat16", ModelVariant("people", "bfloat16", is_eager=False)),
        ("people@openvino", ModelVariant("people", "float32", "openvino", is_eager=False)),
        ("people@openvino:int8", ModelVariant("people", "int8", "openvino", is_eager=False)),
        ("a@b/model.pth", ModelVariant("a@b/model.pth")),
        ("hf://owner/repo@main", ModelVariant("hf://owner/repo@main")),
        (
            "hf://owner/repo@main@bfloat16",
            ModelVariant("hf://owner/repo@main", "bfloat16", is_eager=False),
        ),
        (
            "hf://owner/repo/model.pth@bfloat16",
            ModelVariant("hf://owner/repo/model.pth", "bfloat16", is_eager=False),
        ),
        ("https://user:word@host/model.pth", ModelVariant("https://user:word@host/model.pth")),
    ],
)
def test_what_follows_the_last_at_is_the_variant(text, expected):
    assert split_variant(text) == expected


def test_a_file_of_the_whole_name_is_that_file(tmp_path):
    file = tmp_path / "model@bfloat16"
    file.write_text("")
    assert split_variant(str(file)) == ModelVariant(str(file))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("people@bfloat61", "Did you mean 'bfloat16'"),
        ("people@openvnio", "Did you mean 'openvino'"),
        ("people@openvino:int9", "Did you mean 'int8'"),
        ("people@openvino:", "there is no precision ''"),
        ("people@int8", "people@openvino:int8"),
        ("people@", "MODEL@VARIANT"),
        ("@bfloat16", "MODEL@VARIANT"),
    ],
)
def test_a_variant_that_there_is_not_is_said_with_the_nearest(text, message):
    with pytest.raises(InputError, match=message):
        split_variant(text)
