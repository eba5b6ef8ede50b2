"""Predictions for one image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from composer.errors import InputError
from composer.evaluation import describe_instances, read_instances
from composer.files import write_bytes, write_json
from composer.html_parts import embed_picture, make_heading, make_table
from composer.images import encode_image, encode_visualization
from composer.language import SpecMetadata
from composer.plurals import count_noun
from composer.structures import Instances, RotatedBoxes, list_columns, list_rows, mask_to_text
from composer.visualization import (
    Background,
    ClassNames,
    ColorBy,
    draw_instances,
    draw_panoptic,
    draw_semantic,
)

_DEFAULT_NAMES = SpecMetadata()
_LARGEST, _MAX_ROWS = 960, 20  # pixels of a picture and rows of a table in a notebook


@dataclass(frozen=True, repr=False)
class Prediction:
    """Predictions for one image, at the image's own size.

    `prediction["instances"]` is what a graph (and detectron2) returns under that key.

    Args:
        outputs: the graph's outputs for this image, on the CPU.
        image: the image, RGB and upright.
        metadata: names of the classes.
        file_name: the file of the image, or None.
    """

    outputs: Mapping[str, Any]
    image: Image.Image
    metadata: SpecMetadata = field(default=_DEFAULT_NAMES)
    file_name: str | None = None

    def __getitem__(self, key: str) -> Any:
        return self.outputs[key]

    def __contains__(self, key: object) -> bool:
        return key in self.outputs

    def __repr__(self) -> str:
        name = "" if self.file_name is None else f"{self.file_name}: "
        return f"Prediction({name}{self.summary()})"

    def _repr_html_(self) -> str:
        """The visualization and a table of the instances, in notebooks."""
        parts = [make_heading(repr(self)[len("Prediction(") : -1])]
        try:
            drawn = self.draw()
        except InputError:  # nothing to draw
            return parts[0]
        drawn.thumbnail((_LARGEST, _LARGEST))
        parts.append(embed_picture(encode_image(drawn, ".jpg"), "jpeg", alt=self.summary()))
        if "instances" in self.outputs:
            parts.append(self._make_table())
        return "".join(parts)

    def _make_table(self) -> str:
        found = self.instances
        names = self.class_names if found.has("pred_classes") else []
        plain = {n: v for n, v in found.get_fields().items() if n in ("scores", "pred_boxes")}
        rows = [
            [number, *([names[place]] if names else []), *cells]
            for place, (number, *cells) in enumerate(list_rows(plain, _MAX_ROWS))
        ]
        header = ["", *(["class"] if names else []), *list_columns(plain)]
        return make_table(header, rows, left_out=max(0, len(found) - len(rows)))

    @property
    def instances(self) -> Instances:
        """The instances: `pred_boxes`, `scores`, `pred_classes`, perhaps masks and keypoints.

        Raises:
            InputError: the model returns no instances.
        """
        return read_instances(self.outputs)

    @property
    def class_names(self) -> list[str]:
        """The name of each instance's class."""
        names = ClassNames.of(self.metadata)
        return [names.name_thing(number) for number in self.instances.pred_classes.tolist()]

    def summary(self) -> str:
        """The predictions in words: `3 people, 1 dog`."""
        if "instances" not in self.outputs:
            return ", ".join(self.outputs)
        found = self.instances
        if not len(found):
            return "nothing found"
        if not found.has("pred_classes"):
            return found.summary()
        return ", ".join(
            count_noun(count, name) for name, count in Counter(self.class_names).most_common()
        )

    def to_coco(self, image_id: int | str = 1) -> list[dict[str, Any]]:
        """The instances in COCO's results format, with names besides the numbers.

        `category_id` is the class's id in the training set, where the model's metadata have it
        (`thing_ids`); else classes are counted from 1. Masks are compressed
        run-length encodings; keypoints are COCO's integer pixels.

        Args:
            image_id: id of the image.

        Raises:
            InputError: the model returns no instances.
        """
        instances = self.instances
        rotated = instances.pred_boxes if isinstance(instances.pred_boxes, RotatedBoxes) else None
        if rotated is not None:
            instances = Instances(instances.image_size, **instances.get_fields())
            instances.set("pred_boxes", rotated.get_bounding_boxes())
        entries, names = [], self.class_names
        for place, found in enumerate(describe_instances(instances)):
            entry = {"image_id": image_id, **found}
            if self.file_name is not None:
                entry["file_name"] = self.file_name
            entry["category_id"] = self._number(found["category_id"])
            entry["category_name"] = names[place]
            if rotated is not None:  # centre, width, height, degrees counter-clockwise
                entry["bbox"] = rotated.tensor[place].tolist()
            if "segmentation" in found:
                entry["segmentation"] = mask_to_text(found["segmentation"])
            entries.append(entry)
        return entries

    def _number(self, category: int) -> int:
        ids = self.metadata.thing_ids
        return ids[category] if category < len(ids) else category + 1

    def draw(
        self,
        *,
        color_by: ColorBy | None = None,
        background: Background = "color",
        scale: float | None = None,
    ) -> Image.Image:
        """Draws a visualization.

        Args:
            color_by: whether instances of one class share a hue; by default they do where there is
                more than one class.
            background: `gray` draws the image in gray outside of the instances.
            scale: pixels of the visualization for one of the image; by default small images are
                enlarged until labels can be read.

        Raises:
            InputError: no output can be drawn.
        """
        outputs, image, names = self.outputs, self.image, self.metadata
        if "panoptic_seg" in outputs:
            segment_ids, segments = outputs["panoptic_seg"]
            return draw_panoptic(
                image, segment_ids, segments, names, background=background, scale=scale
            )
        for key in ("instances", "proposals"):
            if key in outputs:
                return draw_instances(
                    image,
                    outputs[key],
                    names,
                    color_by=color_by,
                    background=background,
                    scale=scale,
                )
        if "sem_seg" in outputs:
            return draw_semantic(image, outputs["sem_seg"], names, scale=scale)
        raise InputError(f"outputs without anything to draw: {', '.join(outputs) or 'none'}")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a visualization, or with a name that ends in `.json` the predictions.

        Args:
            path: the file; its folder is made.

        Returns:
            The file.

        Raises:
            InputError: images cannot be written under such a name.
        """
        file = Path(path)
        if file.suffix.lower() == ".json":
            write_json(file, self.to_coco(), indent=1)
            return file
        try:
            write_bytes(file, encode_visualization(self.draw(), file.suffix))
        except ValueError as error:
            raise InputError(f"{file}: {error}; .jpg and .png are images") from error
        return file
