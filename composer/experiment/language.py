"""The keys of an experiment and what each may hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from composer.data.data_file import DatasetDocument, DatasetName
from composer.documents import DocumentPart
from composer.evaluation import TASKS
from composer.experiment.image_loading import InferenceData, TrainingData
from composer.names import did_you_mean
from composer.ranges import PositiveInt
from composer.training.losses import TOTAL
from composer.training.settings import TrainingSettings
from composer.training.validation import LOSSES


class Measurements(DocumentPart):
    """What is measured in between, and when."""

    every: PositiveInt = Field(500, description="Iterations between evaluations.")
    metrics: list[str] | None = Field(
        None, description="Tasks: `bbox`, `segm`, ...; all that fit if null, none if empty."
    )
    losses: bool = Field(False, description="Whether the losses are measured, too.")

    @field_validator("metrics", mode="after")
    @classmethod
    def _are_tasks(cls, metrics: list[str] | None) -> list[str] | None:
        for name in metrics or ():
            if name not in TASKS:
                raise ValueError(
                    f"no task is called '{name}'. {did_you_mean(name, TASKS, 'tasks')}"
                )
        return metrics

    @property
    def measures_tasks(self) -> bool:
        """Whether any task is measured, and not losses only."""
        return self.metrics is None or bool(self.metrics)

    def require_metric(self, name: str) -> None:
        """Makes sure that the evaluation can give a metric.

        Raises:
            ValueError: it gives none of that name; it may lack others, which the data decide.
        """
        tasks = TASKS if self.metrics is None else self.metrics
        group, _, figure = name.partition("/")
        if figure and (group in tasks or (group == LOSSES and self.losses)):
            return
        if figure and group == LOSSES:
            raise ValueError(f"the metric '{name}' wants 'losses: true' in 'evaluation'")
        known = [f"{task}/..." for task in tasks] + [f"{LOSSES}/{TOTAL}"] * self.losses
        raise ValueError(
            f"the evaluation gives no metric '{name}'. {did_you_mean(name, known, 'metrics')}"
        )


class ExperimentDocument(DocumentPart):
    """A whole experiment: one YAML document."""

    composer_experiment: Literal[1] = Field(description="Version of the language of experiments.")
    name: str | None = Field(None, description="What the experiment is called.")
    doc: str | None = Field(None, description="What the experiment is for.")
    spec: str = Field(description="The model: a file, or the name of a spec that ships.")
    weights: str | dict[str, str] | None = Field(
        None, description="Checkpoint to begin with, or checkpoints by node; the spec's if null."
    )
    skip_mismatched: bool = Field(
        False, description="Whether weights of another shape stay as they are (a new class count)."
    )
    freeze: list[str] = Field(
        default_factory=list, description="What is not learnt, besides what the spec freezes."
    )
    datasets: dict[DatasetName, DatasetDocument] | str = Field(
        description="The datasets by name, or the data file that has them."
    )
    train: TrainingData = Field(description="The images that are learnt from.")
    validation: InferenceData | None = Field(None, description="The images that are measured on.")
    training: TrainingSettings = Field(description="How the model learns.")
    evaluation: Measurements | None = Field(None, description="What is measured, and when.")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.evaluation is not None and self.validation is None:
            raise ValueError("'evaluation' wants images that it measures on: 'validation'")
        for what, metric in self.training.deciding_metrics.items():
            if self.evaluation is None:
                raise ValueError(f"'training.{what}' wants an 'evaluation'")
            self.evaluation.require_metric(metric)
        return self
