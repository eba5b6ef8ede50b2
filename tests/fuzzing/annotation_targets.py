"""Annotations as tools write them, each read with its images, and images themselves."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from composer.data import find_data, read_data_file
from composer.images import open_image
from fuzzing.target import Target, dump_json, yaml_target

_COCO = {
    "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 40}],
    "categories": [
        {"id": 7, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        {"id": 8, "name": "dog"},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 7,
            "bbox": [4, 3, 20, 10],
            "area": 200,
            "iscrowd": 0,
            "segmentation": [[4, 3, 24, 3, 24, 13]],
            "keypoints": [5, 5, 2, 9, 9, 1],
            "num_keypoints": 2,
        },
        {
            "id": 2,
            "image_id": 1,
            "category_id": 8,
            "bbox": [0, 0, 9, 9],
            "iscrowd": 1,
            "segmentation": {"size": [20, 40], "counts": [100, 5, 695]},
        },
    ],
}
_LABELME = {
    "version": "5.4.1",
    "flags": {},
    "imagePath": "a.png",
    "imageData": None,
    "imageHeight": 20,
    "imageWidth": 40,
    "shapes": [
        {"label": "cat", "points": [[30, 15], [10, 5]], "group_id": None, "shape_type": kind}
        for kind in ("rectangle", "circle", "line")
    ],
}
_VIA = {
    "a.png123": {
        "filename": "a.png",
        "size": 123,
        "file_attributes": {},
        "regions": [
            {
                "shape_attributes": {"name": "rect", "x": 4, "y": 3, "width": 20, "height": 10},
                "region_attributes": {"kind": "cat"},
            },
            {
                "shape_attributes": {
                    "name": "polygon",
                    "all_points_x": [1, 9, 5],
                    "all_points_y": [2, 2, 10],
                },
                "region_attributes": {"kind": "dog"},
            },
        ],
    }
}
_CREATEML = [
    {
        "image": "a.png",
        "annotations": [
            {"label": "cat", "coordinates": {"x": 14, "y": 8, "width": 20, "height": 10}}
        ],
    }
]
_LABEL_STUDIO = [
    {
        "id": 7,
        "data": {"image": "/data/upload/1/0a1b2c3d-a.png"},
        "annotations": [
            {
                "id": 5,
                "was_cancelled": False,
                "result": [
                    {
                        "type": "rectanglelabels",
                        "original_width": 40,
                        "original_height": 20,
                        "value": {
                            "x": 10,
                            "y": 15,
                            "width": 50,
                            "height": 50,
                            "rotation": 0,
                            "rectanglelabels": ["cat"],
                        },
                    }
                ],
            }
        ],
    }
]
_VOC = b"""<annotation><filename>a.png</filename><size><width>40</width><height>20</height></size>
<object><name>cat</name><difficult>0</difficult>
<bndbox><xmin>5</xmin><ymin>4</ymin><xmax>24</xmax><ymax>13</ymax></bndbox>
</object></annotation>"""
_CVAT = b"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><mode>annotation</mode><labels>
<label><name>dog</name><type>any</type></label><label><name>cat</name><type>any</type></label>
</labels><original_size><width>40</width><height>20</height></original_size></task></meta>
<image id="0" name="a.png" width="40" height="20">
<box label="cat" occluded="0" xtl="4.5" ytl="3" xbr="24" ybr="13" z_order="0"></box>
<polygon label="dog" points="1.0,2.0;9.0,2.0;5.0,10.0"></polygon>
<mask label="dog" rle="1,2,1,2" left="7" top="3" width="3" height="2"></mask>
</image></annotations>"""
_YOLO = b"1 0.5 0.5 0.25 0.5\n0 0.25 0.25 0.5 0.5\n0 0.1 0.1 0.5 0.1 0.5 0.5\n"
_NAMES = {"train": "images", "val": "images", "names": {"0": "cat", "1": "dog"}}
_TABLE = b"""filename,width,height,class,xmin,ymin,xmax,ymax
a.png,40,20,cat,4,3,24,13
a.png,40,20,dog,1,1,9,9
"""
_KITTI = b"Car 0.00 0 1.85 4.00 3.00 24.00 13.00 1.6 1.5 3.6 1.0 2.0 3.0 0.5\n" * 2
_MOT = b"1,7,1,1,10,10,1,1,1\n1,8,5,3,10,10,0,3,0.4\n2,7,3,4,10,10,1,1,1\n"
_COLUMNS = {"bbox": [[4.0, 3.0, 20.0, 10.0], [1, 1, 5, 5]], "categories": [1, 0]}
_HUGGING_FACE = {"file_name": "a.png", "objects": _COLUMNS}
_VIA_3 = {
    "project": {"pid": "1", "data_format_version": "3.1.1", "vid_list": ["1"]},
    "attribute": {"1": {"aname": "type", "type": 4, "options": {"c": "cat"}}},
    "file": {"1": {"fid": "1", "fname": "a.png", "type": 2, "loc": 1, "src": ""}},
    "view": {"1": {"fid_list": ["1"]}},
    "metadata": {
        "1_a": {"vid": "1", "flg": 0, "z": [], "xy": [2, 4, 3, 20, 10], "av": {"1": "c"}},
        "1_b": {"vid": "1", "flg": 0, "z": [], "xy": [7, 1, 2, 9, 2, 5, 10], "av": {"1": "c"}},
    },
}
_DOCUMENTS: Mapping[str, tuple[str, Any]] = {
    "coco": ("annotations.json", _COCO),
    "labelme": ("a.json", _LABELME),
    "via": ("via.json", _VIA),
    "via-3": ("via.json", _VIA_3),
    "createml": ("_annotations.createml.json", _CREATEML),
    "label-studio": ("project.json", _LABEL_STUDIO),
    "yolo-names": ("data.yaml", _NAMES),
}
_TEXTS = {
    "voc": ("a.xml", _VOC),
    "cvat": ("annotations.xml", _CVAT),
    "yolo": ("labels/a.txt", _YOLO),
    "table": ("boxes.csv", _TABLE),
    "kitti": ("label_2/a.txt", _KITTI),
    "mot": ("gt/gt.txt", _MOT),
    "hugging-face": ("metadata.jsonl", json.dumps(_HUGGING_FACE).encode() + b"\n"),
}
_BESIDE = {
    "yolo": ("data.yaml", dump_json(_NAMES)),
    "yolo-names": ("labels/a.txt", _YOLO),
}
_IMAGES = {
    "kitti": ["image_2/a.png"],
    "mot": ["img1/000001.png", "img1/000002.png"],
    "yolo": ["images/a.png"],
    "yolo-names": ["images/a.png"],
}
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")


def make_annotation_targets() -> Mapping[str, Target]:
    """The targets by name."""
    documents = {
        kind: yaml_target(
            Path(name).suffix, [dump_json(values)], partial(_read, kind), is_forgiving=True
        )
        for kind, (name, values) in _DOCUMENTS.items()
    }
    texts = {
        kind: Target(Path(name).suffix, [text], partial(_read, kind), is_forgiving=True)
        for kind, (name, text) in _TEXTS.items()
    }
    images = Target(".png", [_draw(kind) for kind in _FORMATS], open_image, is_forgiving=True)
    return {**documents, **texts, "image": images}


def _read(kind: str, file: Path) -> None:
    """Opens all datasets of a folder that has the file where the format has it."""
    folder = file.with_name(f"{file.stem}-{kind}")
    name = (_DOCUMENTS.get(kind) or _TEXTS[kind])[0]
    contents = {each: _draw("PNG") for each in _IMAGES.get(kind, ["a.png"])}
    contents |= dict([_BESIDE[kind]] if kind in _BESIDE else [])
    for each, content in {**contents, name: file.read_bytes()}.items():
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(content)
    for found, dataset in read_data_file(find_data(folder)).datasets.items():
        dataset.open(found)


def _draw(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((40, 20)).convert("RGB").save(stream, kind)
    return stream.getvalue()
