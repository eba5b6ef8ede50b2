"""Tuning: evaluates a model with many settings, and computes once what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from typing_extensions import Unpack

from composer.construction import find_first_class
from composer.data import Dataset, ImageSize, LoadingOptions
from composer.documents import SettingsSource
from composer.evaluation import (
    Evaluator,
    MatchedClasses,
    Results,
    check_pairs,
    compute_once,
    count_from_zero,
    inferring,
    make_batches,
    make_evaluators,
)
from composer.graph import Graph, LoadArguments, Model, VariedGraph, Weights, device_of
from composer.html_parts import make_report
from composer.plurals import count_noun
from composer.tuning.grid import Values, make_grid
from composer.tuning.metric_choice import choose_best, find_metric
from composer.tuning.settings_graphs import (
    CheckedSetting,
    ModelChoice,
    Prepare,
    check_settings,
    group_by_images,
    open_graphs,
)
from composer.tuning.stages import Division, SharedRun, divide, make_stages
from composer.value_cache import CacheFolder
from composer.values import move
from composer.worker_death import reporting_worker_death

_LOADING = LoadingOptions()


@dataclass(frozen=True)
class TunedSetting:
    """A setting that was evaluated.

    Args:
        values: by address.
        results: the metrics.
    """

    values: Values
    results: Results


@dataclass(frozen=True)
class Tuning:
    """The evaluations of a model with many settings.

    Args:
        settings: in the order of the grid, in which the last address changes fastest.
        metric: the metric that counts, such as `bbox/AP`.
        best: place of the best setting, the first one of equals; None where the metric is
            undefined for all.
        shared: paths of the nodes that were run once for all settings.
        changed: paths of the nodes that differ.
        bad_images: names of images that could not be read; they count as without detections.
    """

    settings: Sequence[TunedSetting]
    metric: str
    best: int | None
    shared: Sequence[str] = ()
    changed: Sequence[str] = ()
    bad_images: Sequence[str] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that were varied."""
        return tuple(self.settings[0].values)

    def __repr__(self) -> str:
        best = "" if self.best is None else f", best {self.value(self.settings[self.best]):.4f}"
        settings = count_noun(len(self.settings), "setting")
        return f"<Tuning: {settings} of {', '.join(self.addresses)}, {self.metric}{best}>"

    def __str__(self) -> str:
        from composer.tuning.table import format_tuning  # it imports this module

        return format_tuning(self)

    def _repr_html_(self) -> str:
        """The table, in notebooks."""
        return make_report(self)

    def value(self, setting: TunedSetting) -> float:
        """The metric of a setting; NaN where it is undefined."""
        return setting.results.flat()[self.metric]


def tune(
    model: Model,
    dataset: Dataset,
    vary: Mapping[str, Sequence[Any]],
    *,
    weights: Weights | None = None,
    set: SettingsSource = (),
    metric: str | None = None,
    tasks: Sequence[str] | None = None,
    loading: LoadingOptions = _LOADING,
    image_size: ImageSize | None = None,
    prepare: Prepare = lambda graph: graph,
    seed: int = 0,
    nodes: Mapping[str, Any] | None = None,
    cache: CacheFolder | None = None,
    settings: Sequence[SettingsSource] | None = None,
    on_batch: Callable[[int], object] | None = None,
    **options: Unpack[LoadArguments],
) -> Tuning:
    """Evaluates a model with each combination of some values.

    What lies above the first node that differs runs once for each batch, the rest once for each
    setting; settings that come to the same values share what follows.

    Args:
        model: as `Graph.open` takes it, but no graph.
        dataset: images and annotations.
        vary: values by address, as `set` has one for each.
        weights: checkpoints in place of the model's.
        set: values that all settings have.
        metric: the metric that counts, in full (`bbox/AP50`) or by a unique end; by default the
            first one of the first task.
        tasks: the tasks; by default all that fit.
        loading: batch size, workers and the policy on images that cannot be read.
        image_size: as for `make_batches`.
        prepare: makes the graph that is run of one that was opened: on a device, optimised.
        seed: of all that nodes draw.
        nodes: node types by name that no plugin publishes.
        cache: a folder in which the values are kept that all settings start from, so that a later
            tuning or evaluation finds them.
        settings: for each setting of the grid all that its spec is set to, in place of `set` and
            `vary`; these then are names only.
        on_batch: called after each batch with its number of images.
        **options: of the load of the weights.

    Raises:
        InputError: values are none, an address changes nothing, there is no such metric, or model
            and dataset do not go together.
        SpecError: a value does not fit, or an address means nothing.
    """
    grid = make_grid(vary)
    base = [*set.items()] if isinstance(set, Mapping) else [*set]
    chosen = ModelChoice(model, weights, options, prepare, nodes)
    if settings is None:
        settings = [[*base, *values.items()] for values in grid]
    checked = check_settings(chosen, grid, settings)
    runs = [_Evaluation(dataset, one, tasks, loading) for one in checked]
    if metric is not None:
        runs[0].check_metric(metric)
    groups, bad = group_by_images(checked), dict[str, None]()
    divisions = []
    for group in groups:
        graph, graphs = open_graphs(chosen, [checked[place] for place in group])
        batches = make_batches(graph, dataset, loading, image_size=image_size)
        pass_ = _Pass(graph, graphs, [runs[place] for place in group], seed, cache)
        with inferring(graph):
            pass_.run(batches, on_batch)
        divisions.append(pass_.division)
        bad |= dict.fromkeys(batches.bad_images)
    tuned = [TunedSetting(run.setting.values, run.results()) for run in runs]
    flat = [one.results.flat() for one in tuned]
    name = find_metric(metric, flat)
    best = choose_best([each[name] for each in flat])
    return Tuning(tuned, name, best, *_describe(divisions), tuple(bad))


def _describe(divisions: Sequence[Division]) -> tuple[list[str], list[str]]:
    """Paths of the nodes that were run once for all settings, and of those that differ."""
    if len(divisions) > 1:  # images were read in several ways, and no value is shared by all
        return [], sorted({path for each in divisions for path in each.changed})
    return sorted(divisions[0].shared), sorted(divisions[0].changed)


class _Evaluation:
    """The evaluation of one setting.

    Args:
        dataset: images and annotations.
        setting: the setting.
        tasks: the tasks; all that fit if None.
        loading: the policy on annotations that cannot be read.
    """

    def __init__(
        self,
        dataset: Dataset,
        setting: CheckedSetting,
        tasks: Sequence[str] | None,
        loading: LoadingOptions,
    ) -> None:
        self.setting = setting
        self._outputs: Any = None
        self._dataset, self._tasks, self._on_fault = dataset, tasks, loading.on_fault
        self._evaluators = self._make()
        blueprint = setting.blueprint
        predict = count_from_zero(lambda _batch: self._outputs, find_first_class(blueprint))
        self._match = MatchedClasses(predict, blueprint.spec.metadata, dataset)

    def _make(self) -> list[Evaluator]:
        outputs = self.setting.blueprint.outputs["inference"]
        return make_evaluators(self._dataset, self._tasks, outputs=outputs, on_fault=self._on_fault)

    def check_metric(self, metric: str) -> None:
        """Refuses a metric that the tasks do not have, as far as that is known without outputs."""
        empty = [evaluator.results().flat() for evaluator in self._make()]
        find_metric(metric, [{name: value for each in empty for name, value in each.items()}])

    def process(self, batch: list[dict[str, Any]], outputs: Any) -> None:
        """Adds the outputs for a batch."""
        self._outputs = outputs
        matched = self._match(batch)
        check_pairs(batch, matched)
        for evaluator in self._evaluators:
            evaluator.process(batch, matched)
        self._outputs = None

    def results(self) -> Results:
        """The metrics; with several processes, on all of them."""
        for evaluator in self._evaluators:
            evaluator.gather()
        return compute_once(lambda: Results.join(each.results() for each in self._evaluators))


@dataclass
class _Pass:
    """One pass over the images, for settings that read them alike.

    Args:
        graph: of the first setting.
        graphs: of all settings.
        runs: their evaluations.
        seed: of all that nodes draw.
        cache: where the values are kept that all start from.
    """

    graph: Graph
    graphs: Sequence[VariedGraph]
    runs: Sequence[_Evaluation]
    seed: int
    cache: CacheFolder | None
    division: Division = field(init=False)

    def __post_init__(self) -> None:
        numbers = [run.setting.numbers for run in self.runs]
        self.division = divide([each.blueprint for each in self.graphs], numbers)
        self._stages = [
            make_stages(each, its_numbers, self.division)
            for each, its_numbers in zip(self.graphs, numbers, strict=True)
        ]
        self._above = self.graphs[0].plan(self.division.frontier, ())
        self._device = device_of(self.graph)

    def run(
        self, batches: Iterable[list[dict[str, Any]]], on_batch: Callable[[int], object] | None
    ) -> None:
        """Runs all settings on each batch."""
        with torch.no_grad(), reporting_worker_death():
            for batch in batches:
                self._run(batch)
                if on_batch is not None:
                    on_batch(len(batch))

    def _run(self, batch: list[dict[str, Any]]) -> None:
        inputs = move(batch, self._device)
        values = self.graphs[0].compute(self._above, {}, inputs, self.seed, self.cache)
        shared = SharedRun(values, inputs, self.seed)
        for graph, stages, run in zip(self.graphs, self._stages, self.runs, strict=True):
            run.process(batch, shared.answer(graph, stages))
