"""CVAT's XML, of images and of videos."""

import numpy as np
import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.cvat import cvat
from composer.errors import DataError
from composer.structures import decode_mask

META = """<meta><task><mode>{mode}</mode><labels>
<label><name>dog</name><type>any</type></label><label><name>cat</name><type>any</type></label>
</labels><original_size><width>40</width><height>20</height></original_size></task></meta>"""
XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>{meta}{body}</annotations>"""
BOX = '<box label="cat" occluded="0" xtl="4.5" ytl="3" xbr="24" ybr="13" z_order="0"></box>'


def write(folder, body, mode="annotation"):
    return folder.write("annotations.xml", XML.format(meta=META.format(mode=mode), body=body))


def read(folder, *shapes):
    folder.draw("images/a.png")
    image = f'<image id="0" name="a.png" width="40" height="20">{"".join(shapes)}</image>'
    return cvat(annotations=write(folder, image))


def test_shapes_have_boxes_outlines_and_masks(folder):
    dataset = read(
        folder,
        BOX,
        '<polygon label="dog" points="1.0,2.0;9.0,2.0;5.0,10.0"></polygon>',
        '<ellipse label="dog" cx="20" cy="10" rx="8" ry="4"></ellipse>',
        '<mask label="dog" rle="1,2,1,2" left="7" top="3" width="3" height="2"></mask>',
        '<tag label="cat"></tag>',
    )
    assert dataset.metadata.thing_classes == ("dog", "cat")  # in the order of the task
    box, polygon, ellipse, mask = dataset[0].annotations
    assert (box.box, box.category, box.segmentation) == ((4.5, 3, 24, 13), 1, None)
    assert (polygon.box, polygon.segmentation) == ((1, 2, 9, 10), [[1, 2, 9, 2, 5, 10]])
    assert np.allclose(ellipse.box, (12, 6, 28, 14))
    assert mask.box == (8, 3, 10, 5)
    assert decode_mask(mask.segmentation)[3:5, 7:10].tolist() == [
        [False, True, True],
        [False, True, True],
    ]


def test_a_turned_box_is_the_outline_of_its_corners(folder):
    box = '<box label="cat" xtl="10" ytl="8" xbr="20" ybr="12" rotation="90.0"></box>'
    (turned,) = read(folder, box)[0].annotations
    assert np.allclose(turned.box, (13, 5, 17, 15))
    assert len(turned.segmentation[0]) == 8


def test_points_of_skeletons_are_keypoints(folder):
    skeleton = """<skeleton label="cat"><points label="left" outside="0" occluded="0" points="5,6"/>
    <points label="right" outside="0" occluded="1" points="9,10"/>
    <points label="tail" outside="1" occluded="0" points="0,0"/></skeleton>"""
    dataset = read(folder, skeleton)
    assert dataset.metadata.keypoint_names == ("left", "right", "tail")
    (cat,) = dataset[0].annotations
    assert cat.box == (5, 6, 9, 10)
    assert cat.keypoints == [5, 6, 2, 9, 10, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ('<polyline label="cat" points="1,2;3,4"/>', "no_object"),
        ('<points label="cat" points="1,2"/>', "no_object"),
        ('<box label="cat" xtl="1" ytl="1" xbr="nan" ybr="3"/>', "malformed"),
        ('<polygon label="cat" points="1,2;3"/>', "malformed"),
        ('<polygon label="cat" points="1,2;3,4"/>', "empty_polygon"),
        ('<mask label="dog" rle="9" left="0" top="0" width="2" height="2"/>', "bad_mask"),
        ('<mask label="dog" rle="0,4" left="39" top="0" width="2" height="2"/>', "bad_mask"),
        ('<box label="cow" xtl="1" ytl="1" xbr="5" ybr="3"/>', "unknown_category"),
    ],
)
def test_a_shape_that_cannot_be_used_is_left_out(folder, shape, kind):
    dataset = read(folder, BOX, shape)
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 1


def key(frame, x, *, outside=0, keyframe=1):
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" '
        f'xtl="{x}" ytl="2" xbr="{x + 10}" ybr="12"></box>'
    )


@pytest.fixture
def video(folder):
    return folder.draw(*(f"images/frame_{number:06}.png" for number in range(6)))


def read_track(folder, *shapes):
    track = f'<track id="0" label="cat" source="manual">{"".join(shapes)}</track>'
    return cvat(annotations=write(folder, track, "interpolation"))


def lefts(dataset):
    return {r.file_name.name[-5]: [a.box[0] for a in r.annotations] for r in dataset}


def test_frames_count_from_0_and_end_outside(video):
    dataset = read_track(video, key(0, 1), key(1, 3, keyframe=0), key(2, 3, outside=1))
    assert lefts(dataset) == {"0": [1], "1": [3], "2": [], "3": [], "4": [], "5": []}
    assert not dataset.faults
    assert recognise(video.path).title == "CVAT for video"


def test_boxes_move_evenly_between_key_frames(video):
    dataset = read_track(video, key(0, 0), key(4, 8), key(5, 8, outside=1))
    assert lefts(dataset) == {"0": [0], "1": [2], "2": [4], "3": [6], "4": [8], "5": []}


def test_frames_without_images_are_told(folder):
    folder.draw("frame_000001.png", "frame_000002.png")
    dataset = read_track(folder, key(0, 1), key(1, 3), key(2, 5))
    (fault,) = dataset.faults
    assert (
        "the first 0; frames count from 0, and the images have the numbers 1 to 2" in fault.message
    )
    assert lefts(dataset) == {"1": [3], "2": [5]}


def test_labels_of_whole_images_are_no_classes(folder):
    folder.draw("images/a.png")
    tag = "<label><name>weather</name><type>tag</type></label></labels>"
    meta = META.format(mode="annotation").replace("</labels>", tag)
    body = f'<image id="0" name="a.png" width="40" height="20"><tag label="weather"/>{BOX}</image>'
    file = folder.write("annotations.xml", XML.format(meta=meta, body=body))
    dataset = cvat(annotations=file)
    assert dataset.metadata.thing_classes == ("dog", "cat")
    assert not dataset.faults


def test_a_folder_is_recognised(folder):
    read(folder, BOX)
    found = recognise(folder.path)
    assert (found.title, found.reader) == ("CVAT for images", "cvat")
    (dataset,) = read_data_file(find_data(folder / "annotations.xml")).datasets.values()
    assert dataset.open("x")[0].annotations[0].box == (4.5, 3, 24, 13)


def test_other_xml_is_refused(folder):
    file = folder.write("a.xml", "<annotation><filename>a.png</filename></annotation>")
    with pytest.raises(DataError, match="no XML of CVAT"):
        cvat(annotations=file)


def test_frames_and_sizes_of_any_number_take_no_time(video):
    dataset = read_track(video, key(0, 0), key(999999999, 8), key("9" * 5000, 8))
    assert lefts(dataset)["5"][0] == pytest.approx(0, abs=1e-6)
    image = (
        '<image id="0" name="images/frame_000000.png" width="999999999" height="999999999">'
        '<mask label="dog" rle="0,4" left="0" top="0" width="2" height="2"/></image>'
    )
    found = cvat(annotations=write(video, image))
    assert count_faults(found.faults) == {"bad_mask": 1}
