"""Collects values of a graph image by image, as rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from composer.blueprint import Names
from composer.construction import find_first_class
from composer.data import ImageSize, make_record, with_size
from composer.errors import ExecutionError, InputError
from composer.evaluation import inferring
from composer.extraction.anchor_cells import pick_at_anchors
from composer.extraction.request import Request, Wanted, make_request
from composer.extraction.result_path import ROW
from composer.extraction.value_columns import check_reduce, reduce_maps, split_value
from composer.graph import Graph, device_of
from composer.language import Mode, SpecMetadata
from composer.plurals import count_noun
from composer.prediction import (
    ChannelOrder,
    ImageSource,
    describe_file,
    describe_source,
    load_image,
)
from composer.row_files import Column, ImageRows, can_vary, find_columns
from composer.values import move
from composer.visualization import ClassNames

_MODE: Mode = "inference"

# Of two plain images, so that it is seen which shapes depend on the size of an image.
_SIZES = ((64, 96), (96, 64))


class Extractor:
    """A graph whose values are collected, with what is asked for.

    Every image is run by itself, so that no value depends on the images beside it.

    Args:
        graph: the model.
        until: nodes, ports or taps.
        per: what a row is: `image`, `region` or `detection`.
        reduce: `mean` or `max` of the maps' channels; `none` keeps maps.
        score_threshold: detections with a lower score are left out.
        channel_order: of arrays and tensors.
        image_size: pixels of the shorter side, or of that and the longer one's limit, in place of
            the model's image size.
        sample_range: of images in grey of more than 8 bits, the samples that are black and white.
        names: of the classes; by default those of the spec.

    Attributes:
        request: what is computed.

    Raises:
        InputError: a value has no such rows, or a number is out of its range.
        NameResolutionError: a name means nothing or several things.
    """

    def __init__(
        self,
        graph: Graph,
        until: Names | None = None,
        per: str = "image",
        *,
        reduce: str = "none",
        score_threshold: float = 0.5,
        channel_order: ChannelOrder | None = None,
        image_size: ImageSize | None = None,
        sample_range: tuple[float, float] | None = None,
        names: SpecMetadata | None = None,
    ) -> None:
        if not 0 <= score_threshold <= 1:
            raise InputError(f"score_threshold is from 0 to 1, not {score_threshold}")
        self.graph, self.score_threshold = graph, score_threshold
        self.reduce = check_reduce(reduce)
        self.request: Request = make_request(graph, until, per)
        self.names = graph.spec.metadata if names is None else names
        self._channel_order, self._sample_range = channel_order, sample_range
        self._image_format = with_size(graph.blueprint.image_format, image_size)
        self._class_names = ClassNames.of(self.names)
        self._first_class = find_first_class(graph.blueprint)
        self._has_run = False

    def stream(self, images: Iterable[ImageSource], *, first: int = 0) -> Iterator[ImageRows]:
        """The rows of each image, one image after the other.

        Args:
            images: files, PIL images, arrays and tensors.
            first: the number of the first.

        Raises:
            InputError: rows do not fit their boxes.
            ExecutionError: the model fails, on a plain image, too.
        """
        for number, image in enumerate(images, first):
            yield self.collect(image, number)

    def collect(self, image: ImageSource, number: int = 0, name: str | None = None) -> ImageRows:
        """The rows of one image; of one that cannot be read, the error.

        Args:
            image: as for `stream`.
            number: of the image.
            name: of an image that has none itself.

        Raises:
            InputError: rows do not fit their boxes.
            ExecutionError: the model fails, on a plain image, too.
        """
        name = _find_name(image) or name
        try:
            loaded = load_image(image, self._channel_order, self._sample_range, name)
        except InputError as error:
            return ImageRows(number, name, error=str(error))
        height, width = loaded.image.height, loaded.image.width
        record = make_record(loaded.image, self._image_format)
        try:
            length, columns, lists = self._run(record)
        except ExecutionError as error:
            if not self._has_run:
                self._probe(*_SIZES[0])
            return ImageRows(number, name, height, width, error=str(error))
        self._has_run = True
        return ImageRows(number, name, height, width, length, columns, lists)

    def find_columns(self) -> tuple[Column, ...]:
        """The columns of all images' rows: those of plain grey ones.

        Raises:
            InputError: a value makes no column.
            ExecutionError: the model fails.
        """
        first = self._probe(*_SIZES[0])
        return find_columns(first, self._probe(*_SIZES[1]) if can_vary(first) else None)

    def describe(self) -> dict[str, Any]:
        """What is collected, with which weights: the same for what gives equal rows."""
        return describe_source(self.graph, self._options)

    def describe_file(self, columns: tuple[Column, ...]) -> dict[str, str]:
        """The metadata of files of these rows."""
        sources = {one.name: one.source for one in self.request.wanted}
        return describe_file(self.graph, self._options, columns, sources)

    @property
    def _options(self) -> dict[str, Any]:
        size = self._image_format
        return {
            "until": [one.source for one in self.request.wanted],
            "per": self.request.per,
            "reduce": self.reduce,
            "score_threshold": self.score_threshold,
            "image_size": [size.shortest_edge, size.longest_edge],
            "sample_range": None if self._sample_range is None else [*self._sample_range],
            "classes": list(self.names.thing_classes),
        }

    def _probe(self, height: int, width: int) -> ImageRows:
        image = Image.new("RGB", (width, height), (127, 127, 127))
        length, columns, lists = self._run(make_record(image, self._image_format))
        self._has_run = True
        return ImageRows(0, None, height, width, length, columns, lists)

    def _run(self, record: dict[str, Any]) -> tuple[int, dict[str, Any], frozenset[str]]:
        batch = [move(record, device_of(self.graph))]
        with inferring(self.graph), torch.no_grad():
            names = self.request.names
            values = self.graph.run(batch, until=names, mode=_MODE, seed=0) if names else {}
            if self.request.per == "image":
                return self._per_image(values)
            if self.request.per == "region":
                return self._per_region(values, record)
            return self._per_detection(values, batch)

    def _per_image(self, values: Mapping[str, Any]) -> tuple[int, dict[str, Any], frozenset[str]]:
        columns: dict[str, Any] = {}
        lists: set[str] = set()
        for wanted in self.request.wanted:
            has_rows = wanted.kind == "rows"
            for name, tensor in self._split(wanted, values).items():
                columns[name] = [tensor]
                lists |= {name} if has_rows else set()
        return 1, columns, frozenset(lists)

    def _per_region(
        self, values: Mapping[str, Any], record: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any], frozenset[str]]:
        request = self.request
        boxes = values[str(request.rows)][0]
        found: dict[str, Any] = {"region": torch.arange(len(boxes))}
        if request.origin is not None:
            found["source"] = values[str(request.origin.indices)][0].cpu()
        size = record["image"].shape[-2:]
        if request.images is not None:
            size = values[str(request.images)].image_sizes[0]
        scale_y, scale_x = record["height"] / size[0], record["width"] / size[1]
        found["box"] = boxes.scale(scale_x, scale_y).tensor.cpu()
        if request.scores is not None:
            found["objectness"] = values[str(request.scores)][0].cpu()
        for wanted in request.wanted:
            for name, tensor in self._split(wanted, values).items():
                found[name] = self._require_rows(name, tensor, len(boxes))
        return len(boxes), found, frozenset()

    def _per_detection(
        self, values: Mapping[str, Any], batch: Any
    ) -> tuple[int, dict[str, Any], frozenset[str]]:
        request = self.request
        assert request.results is not None
        found = request.results.follow(self.graph, batch, values)
        found = found[found.scores >= self.score_threshold]
        rows: Tensor = found.get(ROW)
        classes = (found.pred_classes - self._first_class).cpu()
        columns: dict[str, Any] = {"detection": torch.arange(len(found))}
        if request.origin is not None:
            indices = values[str(request.origin.indices)][0]
            columns[request.origin.what] = indices[rows].cpu()
        columns |= {
            "box": found.pred_boxes.tensor.cpu(),
            "score": found.scores.cpu(),
            "class": classes,
            "class_name": [self._class_names.name_thing(one) for one in classes.tolist()],
        }
        found.remove(ROW)
        for wanted in request.wanted:
            if wanted.is_result:
                columns |= self._split(wanted, {wanted.target.name: [found]})
            else:
                columns |= self._pick(wanted, values, rows)
        return len(found), columns, frozenset()

    def _pick(self, wanted: Wanted, values: Mapping[str, Any], rows: Tensor) -> dict[str, Tensor]:
        """The rows of a value for some detections."""
        for origin in wanted.route:
            rows = values[str(origin.indices)][0][rows]
        value = values[wanted.target.name]
        if wanted.kind == "queries":
            of_layers = value.select(wanted.image_dim, 0)
            last = of_layers[-1] if wanted.image_dim else of_layers
            return {wanted.name: last[rows].cpu()}
        if wanted.kind != "rows":
            anchors = values[str(wanted.route[-1].source)]
            maps = [*value.values()] if isinstance(value, Mapping) else value
            if wanted.maps and isinstance(value, Mapping):
                maps = self._pick_levels(wanted, value, len(anchors))
            counts = [len(level) for level in anchors]
            picked = pick_at_anchors(wanted.name, maps, counts, rows, of_cells=wanted.maps)
            return {wanted.name: picked.cpu()}
        boxes = self.request.rows if not wanted.route else wanted.route[-1].source
        length = len(values[str(boxes)][0])
        return {
            name: self._require_rows(name, tensor, length)[rows.cpu()]
            for name, tensor in self._split(wanted, values).items()
        }

    def _pick_levels(
        self, wanted: Wanted, maps: Mapping[str, Tensor], num_levels: int
    ) -> list[Tensor]:
        """The levels that anchors lie on: those that their node is configured for, or all."""
        node = self.graph.blueprint.nodes[wanted.route[-1].source.path]
        names = node.config.get("in_features") or list(maps)
        if len(names) != num_levels:
            raise InputError(
                f"'{wanted.name}' has {len(names)} levels, but there are anchors on {num_levels}"
            )
        return [maps[name] for name in names]

    def _split(self, wanted: Wanted, values: Mapping[str, Any]) -> dict[str, Tensor]:
        has_rows = wanted.kind == "rows"
        value = wanted.pick(values[wanted.target.name])
        parts = split_value(wanted.name, value, wanted.kind, wanted.image_dim)
        return {
            name: reduce_maps(part.cpu(), self.reduce, has_rows=has_rows)
            for name, part in parts.items()
        }

    def _require_rows(self, name: str, tensor: Tensor, length: int) -> Tensor:
        if len(tensor) != length:
            rows, boxes = count_noun(len(tensor), "row"), count_noun(length, "box")
            raise InputError(f"'{name}' has {rows} for {boxes}")
        return tensor


def _find_name(image: object) -> str | None:
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    return getattr(image, "filename", None) or None
