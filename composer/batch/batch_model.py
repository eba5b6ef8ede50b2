"""`BatchModel`: a model that is called with a dict of arrays.

It is picklable, and imports no engine: Ray Data's `map_batches` takes it as it is, and
`make_predict_fn` is what Spark's `predict_batch_udf` asks for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from composer.batch.image_columns import find_kept, find_source, read_images
from composer.batch.predict_function import PredictFunction
from composer.errors import InputError
from composer.files import write_bytes
from composer.names import did_you_mean

if TYPE_CHECKING:
    from composer.extraction import Extractor
    from composer.graph import Graph
    from composer.row_files import Column, ImageRows

Arrays = Mapping[str, Any]

_OPENED = ("extractor", "columns")
_OWN = ("image_size", "sample_range", "names")
_LOADING = ("skip_mismatched", "allow_missing", "allow_unexpected", "key_mapping", "section")
_OPTIONS = (*_OWN, "weights", "set", "batch_size", *_LOADING)


class BatchModel:
    """A model that is called with a dict of arrays, an entry an image, and gives one of rows.

    Images are in the column `image` (pixels, H x W x 3), `bytes` (contents of files), or `path` (or
    `file_name` or `item`: names or addresses). Rows have the columns of `Graph.extract`, and those
    that came besides. Of an image with an `error`, numbers are NaN or -1, and texts empty.

    The model is opened at the first call, in the process that calls.

    Args:
        model: the name of a model, a checkpoint, a spec, or a graph, whose weights are pickled with
            it.
        until: nodes, ports or taps to collect.
        per: what a row is: `image`, `region` or `detection`.
        reduce: `mean` or `max` of the channels of maps; `none` keeps maps.
        score_threshold: detections with a lower score are left out.
        channel_order: of pixels.
        engine: an engine that runs the dense nodes.
        precision: of the model: `float32` or `bfloat16`.
        optimize: whether normalisations are folded, as `composer extract` does.
        device: where to run.
        threads: of PyTorch in this process; None leaves it.
        **options: of opening the model (`weights`, `set`, ...), and `image_size`, `sample_range`,
            `names`.

    Raises:
        InputError: options that do not exist.
    """

    def __init__(
        self,
        model: Any = "people",
        until: str | Sequence[str] | None = None,
        per: str = "image",
        *,
        reduce: str = "none",
        score_threshold: float = 0.5,
        channel_order: str = "RGB",
        engine: str | None = None,
        precision: str = "float32",
        optimize: bool = True,
        device: str = "cpu",
        threads: int | None = None,
        **options: Any,
    ) -> None:
        if unknown := [name for name in options if name not in _OPTIONS]:
            hint = did_you_mean(unknown[0], _OPTIONS, "options")
            raise InputError(f"there is no option '{unknown[0]}'. {hint}")
        self.model, self.until, self.per = model, until, per
        self.reduce, self.score_threshold = reduce, score_threshold
        self.channel_order, self.device, self.threads = channel_order, device, threads
        self.engine, self.precision, self.optimize = engine, precision, optimize
        self.options = options

    def __getstate__(self) -> dict[str, Any]:
        state = {key: value for key, value in self.__dict__.items() if key not in _OPENED}
        if not isinstance(self.model, (str, os.PathLike, Mapping)) and hasattr(self.model, "save"):
            state["model"] = _SavedGraph.of(self.model)
        return state

    def __repr__(self) -> str:
        return f"BatchModel({self.model!r:.80}, until={self.until!r}, per={self.per!r})"

    def __call__(self, batch: Arrays) -> dict[str, NDArray[Any]]:
        """The rows of a batch, column by column.

        Raises:
            InputError: the batch has no column of images, or a value has no such rows.
            ExecutionError: the model fails, on a plain image, too.
        """
        from composer.batch.row_arrays import join_rows

        return join_rows(self.collect(batch), self.columns, find_kept(batch))

    def collect(self, batch: Arrays) -> list[ImageRows]:
        """The rows of each image of a batch; see `__call__`."""
        from composer.row_files import ImageRows

        numbers = batch.get("image") if find_source(batch) != "image" else None
        found = []
        for place, one in enumerate(read_images(batch)):
            number = place if numbers is None else int(numbers[place])
            if one.error is not None:
                found.append(ImageRows(number, one.name, error=one.error))
            else:
                found.append(self.extractor.collect(one.source, number, one.name))
        return found

    def open_source(self) -> Extractor:
        """What makes rows, opened in this process."""
        return self.extractor

    def make_predict_fn(self, columns: Sequence[str] | None = None) -> Callable[[Any], Any]:
        """A function of names or contents of images, as Spark's `predict_batch_udf` calls it.

        Rows are images then. Its results are arrays by column, tensors flattened; where a column
        has lists of any length (values of regions), a dict for each row.

        Args:
            columns: the columns to give, those of Spark's return type; None for all.

        Raises:
            InputError: rows are not images, or there is no such column.
        """
        if self.per != "image":
            raise InputError(
                "predict_batch_udf gives a row for each image: per='image', not "
                f"per={self.per!r}; collect detections with mapInPandas or Ray"
            )
        known = [one.name for one in self.columns]  # it is opened once in each process
        for name in columns or ():
            if name not in (*known, "file_name", "height", "width", "error"):
                raise InputError(f"there is no column '{name}'. {did_you_mean(name, known)}")
        return PredictFunction(self, columns)

    @cached_property
    def extractor(self) -> Extractor:
        """What collects, with the model opened."""
        import torch

        from composer.extraction import Extractor
        from composer.prediction import Predictor, check_order

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        chosen = dict(self.options)
        own = {key: chosen.pop(key) for key in _OWN if key in chosen}
        model = self.model.open() if isinstance(self.model, _SavedGraph) else self.model
        predictor = Predictor(model, device=self.device, names=own.pop("names", None), **chosen)
        graph = self._accelerate(predictor.graph)
        return Extractor(
            graph,
            self.until,
            self.per,
            reduce=self.reduce,
            score_threshold=self.score_threshold,
            channel_order=check_order(self.channel_order),
            names=predictor.names,
            **own,
        )

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of all rows, beside those that came with a batch."""
        return self.extractor.find_columns()

    def _accelerate(self, graph: Graph) -> Graph:
        if graph.source is not None:
            return graph
        if self.optimize or self.precision != "float32":
            graph = graph.optimize(self.precision)
        return graph if self.engine is None else graph.accelerate(self.engine, None, self.precision)


def make_predict_fn(
    model: Any = "people",
    until: str | Sequence[str] | None = None,
    *,
    columns: Sequence[str] | None = None,
    **options: Any,
) -> Callable[[Any], Any]:
    """Opens a model and gives a function of images, for Spark's `predict_batch_udf`.

    `predict_batch_udf(partial(make_predict_fn, "people", "backbone.p5", reduce="mean"), ...)`.

    Args:
        model: as for `BatchModel`.
        until: likewise.
        columns: the columns to give, those of Spark's return type; None for all.
        **options: as for `BatchModel`.
    """
    return BatchModel(model, until, **options).make_predict_fn(columns)


class _SavedGraph:
    """A graph as a checkpoint in memory, which can be pickled."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    @classmethod
    def of(cls, graph: Any) -> _SavedGraph:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "graph.safetensors")
            (graph.source or graph).save(file)
            return cls(file.read_bytes())

    def open(self) -> Graph:
        from composer.graph import Graph

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "graph.safetensors")
            write_bytes(file, self.content)
            return Graph.open(file)

    def __repr__(self) -> str:
        return f"graph of {len(self.content)} bytes"
