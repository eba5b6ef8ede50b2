"""The keys of an experiment and what each may hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from composer.data import DatasetDocument, DatasetName
from composer.documents import DocumentPart
from composer.evaluation import TASKS
from composer.experiment.data_settings import InferenceData, TrainingData
from composer.files import check_file_name
from composer.names import did_you_mean
from composer.ranges import PositiveInt
from composer.training import TOTAL_LOSS, VALIDATION_LOSSES, TrainingSettings


class EvaluationSettings(DocumentPart):
    """The evaluation during a training."""

    every: PositiveInt = Field(500, description="Iterations between evaluations.")
    metrics: list[str] | None = Field(
        None,
        description="Tasks: `bbox`, `segm`, ...; all that fit if null, none if empty.",
    )
    losses: bool = Field(False, description="Compute validation losses, too.")

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
    def has_tasks(self) -> bool:
        """Whether any task is evaluated, and not losses only."""
        return self.metrics is None or bool(self.metrics)

    def require_metric(self, name: str) -> None:
        """Checks that the evaluation computes a metric, as far as that depends on no data.

        Raises:
            ValueError: it has none of that name.
        """
        tasks = TASKS if self.metrics is None else self.metrics
        group, _, metric = name.partition("/")
        if metric and (group in tasks or (group == VALIDATION_LOSSES and self.losses)):
            return
        if metric and group == VALIDATION_LOSSES:
            raise ValueError(f"the metric '{name}' needs 'losses: true' in 'evaluation'")
        known = [f"{task}/..." for task in tasks]
        known += [f"{VALIDATION_LOSSES}/{TOTAL_LOSS}"] * self.losses
        raise ValueError(
            f"the evaluation has no metric '{name}'. {did_you_mean(name, known, 'metrics')}"
        )


class ExperimentDocument(DocumentPart):
    """A whole experiment: one YAML document."""

    composer_experiment: Literal[1] = Field(description="Version of the language of experiments.")
    name: str | None = Field(None, description="Name of the experiment.")
    doc: str | None = Field(None, description="Description.")
    spec: str = Field(
        description="The model: a spec by its file or name, a trained model that ships, a "
        "checkpoint, or the folder of a run."
    )
    weights: str | dict[str, str] | None = Field(
        None,
        description="Initial checkpoint, or checkpoints by node; if null, the model's own, else "
        "the best that are at hand.",
    )
    skip_mismatched: bool = Field(
        False,
        description="Leave weights of another shape at their initial values.",
    )
    allow_missing: bool = Field(
        False, description="Leave weights that a checkpoint lacks at their initial values."
    )
    allow_unexpected: bool = Field(
        False, description="Pass over weights of a checkpoint that no node has."
    )
    key_mapping: str | None = Field(
        None, description="Key mapping of the checkpoints; the one that fits best if null."
    )
    section: str | None = Field(
        None, description="State dict or prefix to read of a checkpoint with several."
    )
    from_scratch: bool = Field(
        False,
        description="Train layers that no given weights fill from random values: they are not "
        "frozen, and no weights are looked for.",
    )
    freeze: list[str] = Field(
        default_factory=list, description="Nodes and modules to freeze, besides those of the spec."
    )
    datasets: dict[DatasetName, DatasetDocument] | str = Field(
        description="Datasets by name, or the path of a data file."
    )
    train: TrainingData = Field(description="The training set.")
    validation: InferenceData | None = Field(None, description="The validation set.")
    training: TrainingSettings = Field(description="Optimizer, schedule, checkpoints, ...")
    evaluation: EvaluationSettings | None = Field(
        None, description="Evaluation during the training."
    )

    @field_validator("name", mode="after")
    @classmethod
    def _is_file_name(cls, name: str | None) -> str | None:
        return None if name is None else check_file_name(name)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.evaluation is not None and self.validation is None:
            raise ValueError("'evaluation' needs a validation set: 'validation'")
        for what, metric in self.training.deciding_metrics.items():
            if self.evaluation is None:
                raise ValueError(f"'training.{what}' needs an 'evaluation'")
            self.evaluation.require_metric(metric)
        return self
