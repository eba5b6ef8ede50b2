"""Notes on names that plugins publish, too."""

from hostile_plugin import hostile_plugin

__all__ = ["hostile_plugin"]


def test_a_note_is_printed_once_a_command(hostile_plugin, cli, caplog):
    assert cli("show", "mask_rcnn_r50_fpn", "--until", "backbone").code == 0
    notes = [text for text in caplog.messages if "'mask_rcnn_r50_fpn'" in text]
    assert len(notes) == 1
    assert cli("show", "detection-composer/mask_rcnn_r50_fpn").code == 0
    assert caplog.messages == notes
