"""Notes on names that plugins publish, too."""

import pytest

from composer.data import write_shape_dataset
from composer.graph import Graph
from hostile_plugin import hostile_plugin
from plugin_folder import plugin_folder

SMALL = {"depth": 18, "stem_out_channels": 8, "res2_out_channels": 8, "fpn_channels": 8}
__all__ = ["hostile_plugin", "plugin_folder"]


def test_a_note_is_printed_once_a_command(hostile_plugin, cli, caplog):
    assert cli("show", "mask_rcnn_r50_fpn", "--until", "backbone").code == 0
    notes = [text for text in caplog.messages if "'mask_rcnn_r50_fpn'" in text]
    assert len(notes) == 1
    assert cli("show", "detection-composer/mask_rcnn_r50_fpn").code == 0
    assert caplog.messages == notes


def test_a_note_on_a_model_is_printed_once_where_it_is_opened_repeatedly(
    hostile_plugin, cli, folder, caplog
):
    write_shape_dataset(folder / "shapes", num_images=2, size=64)
    data = "shapes/instances.json"
    options = ("--images", "shapes/images", "--set", "num_classes=3", "--dry-run")
    assert cli("train", "people", "--data", data, *options).code == 0
    notes = [text for text in caplog.messages if text.startswith("note: ")]
    assert len(notes) == len(set(notes))
    assert sum("'people'" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("module", "note"),
    [
        ("1 / 0", "a format is left out: 'odd' of odd-format (odd-format 1.0) fails to import: Z"),
        (
            "odd = lambda path: 5",
            "format 'odd' of odd-format (odd-format 1.0) failed at shapes: it",
        ),
    ],
)
def test_a_format_that_fails_is_named_once_with_its_plugin(
    plugin_folder, cli, folder, caplog, module, note
):
    lines = "[composer.formats]\nodd = odd_format:odd\n"
    plugin_folder.install("odd-format", lines, {"odd_format": module})
    write_shape_dataset(folder / "shapes", num_images=1, size=64)
    assert cli("data", "check", "shapes").code == 0
    assert [text.startswith(f"note: {note}") for text in caplog.messages] == [True]


def test_names_of_options_are_noted_too(hostile_plugin, cli, folder, caplog):
    write_shape_dataset(folder / "shapes", num_images=1, size=64)
    assert cli("data", "check", "shapes", "--format", "coco").code == 0
    Graph.from_spec("detection-composer/rpn_r50_fpn", **SMALL).save(folder / "rpn.pth")
    options = ("--key-mapping", "torchvision", "--until", "preprocess", "--no-save")
    assert cli("run", "rpn.pth", "--weights", "rpn.pth", *options).code == 0
    assert [
        text.partition(" is published by hostile-plugin 1.0, too")[0] for text in caplog.messages
    ] == [
        "note: the format of datasets 'coco'",
        "note: the key mapping 'torchvision'",
    ]
