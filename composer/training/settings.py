"""How a training goes: the values of an experiment's `training:`, with their bounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from composer.documents import DocumentPart
from composer.ranges import Fraction, NonNegative, Positive, PositiveInt
from composer.training.optimizers import OptimizerName, check_options, list_options

Precision = Literal["float32", "bfloat16", "float16"]
Order = Literal["higher", "lower"]


class GroupSettings(DocumentPart):
    """What is different for the parameters of some nodes."""

    nodes: list[str] = Field(
        min_length=1,
        description="Nodes, nested graphs, or parameters below them; `*` stands for anything.",
    )
    lr_factor: NonNegative | None = Field(
        None, description="Factor on the learning rate; 1 if null, or that of an earlier exception."
    )
    weight_decay: NonNegative | None = Field(None, description="In place of the optimizer's.")


class OptimizerSettings(DocumentPart):
    """The optimizer, one of `torch.optim`, and which parameters it treats how."""

    uses: OptimizerName = Field("AdamW", description="Class of torch.optim.")
    lr: Positive = Field(description="The highest learning rate.")
    weight_decay: NonNegative = Field(0.0001, description="Decay of weights of layers.")
    norm_weight_decay: NonNegative = Field(0.0, description="Decay of normalisation layers.")
    bias_weight_decay: NonNegative | None = Field(
        None, description="Decay of biases; that of the weights if null."
    )
    bias_lr_factor: NonNegative = Field(1.0, description="Factor on the learning rate of biases.")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="Further options of the class."
    )
    groups: list[GroupSettings] = Field(
        default_factory=list, description="Exceptions; a later one has the last word on each."
    )

    @classmethod
    def list_options(cls, uses: str) -> list[str]:
        """The options of a class of torch.optim; none if it is not offered."""
        names = get_args(OptimizerName)
        return list_options(cast(OptimizerName, uses)) if uses in names else []

    @field_validator("with_", mode="after")
    @classmethod
    def _fits_the_class(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "uses" in info.data:
            check_options(info.data["uses"], options)
        return options


class WarmupSettings(DocumentPart):
    """How the learning rate rises in the beginning."""

    iterations: Annotated[PositiveInt | Fraction, Field(union_mode="left_to_right")] = Field(
        description="How long it takes: iterations, or a fraction of the training."
    )
    factor: Fraction = Field(0.001, description="Factor on the learning rate at the start.")
    shape: Literal["linear", "constant"] = Field(
        "linear", description="Rising all the time, or at the end of the warm-up."
    )


class ScheduleSettings(DocumentPart):
    """How the learning rate goes on after the warm-up."""

    uses: Literal["constant", "multi_step", "cosine"] = Field(
        "constant", description="Shape of the curve."
    )
    steps: list[Annotated[int | Fraction, Field(union_mode="left_to_right")]] = Field(
        default_factory=list,
        description="multi_step: iterations, or fractions of the training, at which it falls.",
    )
    gamma: float = Field(0.1, gt=0, le=1, description="multi_step: factor of each fall.")
    final_factor: Fraction = Field(0.0, description="cosine: factor at the end.")
    warmup: WarmupSettings | None = Field(None, description="How it rises in the beginning.")

    @model_validator(mode="after")
    def _belong_together(self) -> ScheduleSettings:
        if (self.uses == "multi_step") != bool(self.steps):
            raise ValueError("'steps' and the schedule 'multi_step' go together")
        if self.steps != sorted(self.steps) or any(step < 0 for step in self.steps):
            raise ValueError("'steps' rise and are not negative")
        return self


class ClipSettings(DocumentPart):
    """Limits on gradients."""

    norm: float | None = Field(None, gt=0, description="Limit on the norm of all together.")
    value: float | None = Field(None, gt=0, description="Limit on the size of each value.")

    @model_validator(mode="after")
    def _is_one(self) -> ClipSettings:
        if (self.norm is None) == (self.value is None):
            raise ValueError("gradients are clipped by 'norm' or by 'value'")
        return self


class EmaSettings(DocumentPart):
    """A running average of the weights, which evaluation and prediction use."""

    decay: float = Field(0.999, ge=0, lt=1, description="Weight of the past at each iteration.")


class MetricSettings(DocumentPart):
    """A metric that says which weights are better."""

    metric: str = Field(
        description="Name of a metric, such as `bbox/AP`, or `validation/total_loss`."
    )
    better: Order = Field("higher", description="Whether higher or lower values are better.")


class PatienceSettings(MetricSettings):
    """When to stop, because nothing becomes better any more."""

    patience: PositiveInt = Field(description="Evaluations in a row without a better value.")
    min_change: NonNegative = Field(0.0, description="Smaller changes do not count as better.")


class CheckpointSettings(DocumentPart):
    """When the state of the training is saved, and how much of it is kept."""

    every: PositiveInt = Field(500, description="Iterations between checkpoints.")
    keep: PositiveInt = Field(2, description="How many of the last checkpoints are kept.")
    best: MetricSettings | None = Field(None, description="Keeps the best weights, too.")


class TrainingSettings(DocumentPart):
    """How a training goes."""

    iterations: PositiveInt = Field(description="Steps of the optimizer.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of everything that is drawn.")
    optimizer: OptimizerSettings = Field(description="The optimizer and its parameter groups.")
    schedule: ScheduleSettings = Field(
        default_factory=lambda: ScheduleSettings(), description="The learning rate over time."
    )
    clip: ClipSettings | None = Field(None, description="Limits on gradients.")
    accumulate: PositiveInt = Field(1, description="Batches that make one step of the optimizer.")
    precision: Precision = Field("float32", description="Type that the forward pass computes in.")
    channels_last: bool = Field(False, description="Whether channels come last in memory.")
    ema: EmaSettings | None = Field(None, description="A running average of the weights.")
    loss_weights: dict[str, NonNegative] = Field(
        default_factory=dict, description="Factors on losses by name; 1 for all others."
    )
    checkpoint: CheckpointSettings = Field(
        default_factory=lambda: CheckpointSettings(), description="When the state is saved."
    )
    early_stopping: PatienceSettings | None = Field(None, description="When to stop early.")
    log_every: PositiveInt = Field(20, description="Iterations between records.")
    deterministic: bool = Field(
        False, description="Whether only deterministic operations are allowed."
    )
    find_unused_parameters: bool = Field(
        False, description="Whether parameters may go without a gradient on several processes."
    )
    distributed: Literal["ddp", "fsdp"] = Field(
        "ddp", description="On several processes: whole copies of the model, or shards of it."
    )

    @property
    def deciding_metrics(self) -> dict[str, str]:
        """The metrics that decide something, by the setting that names them."""
        deciding = {"early_stopping": self.early_stopping, "checkpoint.best": self.checkpoint.best}
        return {
            setting: chosen.metric for setting, chosen in deciding.items() if chosen is not None
        }
