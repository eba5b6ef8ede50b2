"""Inference on images as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from typing_extensions import Unpack

from composer.data import ImageSize, make_record, with_size
from composer.documents import SettingsSource
from composer.errors import InputError
from composer.evaluation import inferring, predict_with
from composer.graph import (
    Graph,
    LoadArguments,
    Model,
    Weights,
    device_of,
    find_device,
    require_weights,
)
from composer.language import ImageFormat
from composer.prediction.given_names import Names, read_names, require_count
from composer.prediction.image_sources import (
    ChannelOrder,
    ImageSource,
    LoadedImage,
    check_order,
    load_image,
)
from composer.prediction.prediction import Prediction
from composer.structures import Instances
from composer.values import move

_SINGLE = (str, os.PathLike, bytes, Image.Image, np.ndarray, Tensor)


class Predictor:
    """A model that takes images as they are, and returns predictions in their own pixels.

    Files, PIL images, arrays and tensors are turned upright, resized and brought into the order
    of channels that the model's spec names. The order of an array is never guessed.

    Args:
        model: the name of a shipped model, a checkpoint that describes itself, a spec, or a graph.
        weights: a checkpoint, or checkpoints by node; for a spec, or in place of a model's own.
        set: values of the model by address, as `Graph.open` takes them.
        score_threshold: instances with a lower score are left out; 0 keeps all.
        device: where to run.
        channel_order: of all arrays and tensors; or say it in each call.
        batch_size: number of images in a batch.
        names: of the classes, where the model's spec has none: those of a dataset that ship
            (`coco`), a spec with `metadata`, or a list.
        image_size: pixels of the shorter side, or of that and the longer one's limit, in place of
            what the model's spec says.
        **options: of the load of weights, as `Graph.load` takes them.

    Attributes:
        sample_range: of files and PIL images in grey of more than 8 bits, the samples that are
            black and white, such as (0, 4095); by default what the files say.
        graph: the model. While it predicts it is in inference mode.
        names: of the classes.

    Raises:
        NameResolutionError, SpecError, CheckpointError: the model cannot be loaded.
        InputError: it has no weights or takes no images, a number is out of its range, there is no
            such device, or there are more or fewer names than classes.
    """

    def __init__(
        self,
        model: Model | Graph = "people",
        *,
        weights: Weights | None = None,
        set: SettingsSource = (),
        score_threshold: float = 0.5,
        device: str | torch.device = "cpu",
        channel_order: ChannelOrder | None = None,
        batch_size: int = 1,
        names: Names | None = None,
        image_size: ImageSize | None = None,
        sample_range: tuple[float, float] | None = None,
        **options: Unpack[LoadArguments],
    ) -> None:
        if not 0 <= score_threshold <= 1:
            raise InputError(f"score_threshold is from 0 to 1, not {score_threshold}")
        if batch_size < 1:
            raise InputError(f"batch_size is 1 or more, not {batch_size}")
        self.score_threshold, self.batch_size = score_threshold, batch_size
        self._sample_range = sample_range
        self._channel_order = None if channel_order is None else check_order(channel_order)
        graph = Graph.open(model, weights, set=set, **options)
        if graph is not model:
            require_weights(graph)
        self.graph: Graph = graph.to(find_device(str(device)))
        self.names = self.graph.spec.metadata if names is None else read_names(names)
        if names is not None:
            require_count(self.names, self.graph)
        self._image_format = with_size(self.graph.blueprint.image_format, image_size)

    @property
    def image_format(self) -> ImageFormat:
        """How images are read: the order of their channels, and their size."""
        return self._image_format

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return device_of(self.graph)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a str is a sequence of str
        self, images: ImageSource, *, channel_order: ChannelOrder | None = None
    ) -> Prediction: ...
    @overload
    def __call__(
        self, images: Iterable[ImageSource], *, channel_order: ChannelOrder | None = None
    ) -> list[Prediction]: ...
    def __call__(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        channel_order: ChannelOrder | None = None,
    ) -> Prediction | list[Prediction]:
        """Predicts on an image, or on several.

        Args:
            images: a file, a PIL image, an array of H x W x 3 or a tensor of 3 x H x W, both of 8
                bits; or any number of these.
            channel_order: of arrays and tensors.

        Returns:
            The predictions; for several images a list.

        Raises:
            InputError: a file is no image, or an array has another form or an unknown order.
        """
        if isinstance(images, _SINGLE):
            return next(self.stream([images], channel_order=channel_order))
        if not isinstance(images, Iterable):
            raise InputError(
                "an image is a file, a PIL image, an array or a tensor, not a "
                f"{type(images).__name__}"
            )
        return list(self.stream(images, channel_order=channel_order))

    def stream(
        self, images: Iterable[ImageSource], *, channel_order: ChannelOrder | None = None
    ) -> Iterator[Prediction]:
        """Predicts batch by batch, for more images than memory can hold.

        Args:
            images: the images, each loaded when its batch comes.
            channel_order: of arrays and tensors.

        Raises:
            InputError: as for a call, at the image that it is about.
        """
        order = channel_order or self._channel_order
        waiting = iter(images)
        while batch := list(islice(waiting, self.batch_size)):
            yield from self._predict([load_image(one, order, self._sample_range) for one in batch])

    def describe_options(self) -> dict[str, Any]:
        """What predictions depend on besides model and images, as plain values."""
        size = self._image_format
        return {
            "outputs": "predictions",
            "score_threshold": self.score_threshold,
            "image_size": [size.shortest_edge, size.longest_edge],
            "sample_range": None if self._sample_range is None else [*self._sample_range],
            "classes": list(self.names.thing_classes),
        }

    def _predict(self, images: list[LoadedImage]) -> Iterator[Prediction]:
        records = [make_record(one.image, self._image_format) for one in images]
        with inferring(self.graph), torch.no_grad():
            results = predict_with(self.graph)(records)
        for image, outputs in zip(images, results, strict=True):
            yield Prediction(
                self._choose(move(outputs, "cpu")),
                image.image,
                self.names,
                image.file_name,
            )

    def _choose(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs without instances of low scores."""
        chosen = dict(outputs)
        found = chosen.get("instances")
        if isinstance(found, Instances) and found.has("scores"):
            chosen["instances"] = found[found.scores >= self.score_threshold]
        return chosen
