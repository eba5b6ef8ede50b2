"""Training settings: the section `training:` of an experiment."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from composer.documents import DocumentPart
from composer.ranges import Fraction, NonNegative, Positive, PositiveInt, Share
from composer.training.optimizers import OptimizerName, check_options, list_options

Precision = Literal["float32", "bfloat16", "float16"]
Order = Literal["higher", "lower"]


class GroupSettings(DocumentPart):
    """Exceptions for the parameters of some nodes."""

    nodes: list[str] = Field(
        min_length=1,
        description="Nodes, nested graphs, or parameters below them; `*` matches anything.",
    )
    lr_factor: NonNegative | None = Field(
        None, description="Factor on the learning rate; 1 if null, or that of an earlier exception."
    )
    lr_decay: Share | None = Field(
        None,
        description="Factor on the learning rate for each layer further from the output, in nodes "
        "whose type says how deep its layers are (layer-wise decay).",
    )
    weight_decay: NonNegative | None = Field(None, description="In place of the optimizer's.")


class OptimizerSettings(DocumentPart):
    """The optimizer, a class of `torch.optim`, and its parameter groups."""

    uses: OptimizerName = Field("AdamW", description="Class of torch.optim.")
    lr: Positive = Field(description="The highest learning rate.")
    weight_decay: NonNegative = Field(0.0001, description="Weight decay.")
    norm_weight_decay: NonNegative = Field(0.0, description="Weight decay of normalisation layers.")
    bias_weight_decay: NonNegative | None = Field(
        None, description="Weight decay of biases; `weight_decay` if null."
    )
    bias_lr_factor: NonNegative = Field(1.0, description="Factor on the learning rate of biases.")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="Further options of the optimizer."
    )
    groups: list[GroupSettings] = Field(
        default_factory=list,
        description="Exceptions for some nodes; later ones override earlier ones.",
    )

    @classmethod
    def list_options(cls, uses: str, written_in: str) -> list[str]:
        """The options of a class of torch.optim; none if it is not supported."""
        del written_in
        names = get_args(OptimizerName)
        return list_options(cast(OptimizerName, uses)) if uses in names else []

    @field_validator("with_", mode="after")
    @classmethod
    def _fits_the_class(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "uses" in info.data:
            check_options(info.data["uses"], options)
        return options


class WarmupSettings(DocumentPart):
    """Learning rate warm-up."""

    iterations: Annotated[PositiveInt | Fraction, Field(union_mode="left_to_right")] = Field(
        description="Length: iterations, or a fraction of the training."
    )
    factor: Fraction = Field(0.001, description="Factor on the learning rate at the start.")
    shape: Literal["linear", "constant"] = Field(
        "linear", description="Linear, or constant until the end of the warm-up."
    )


class ScheduleSettings(DocumentPart):
    """Learning rate schedule."""

    uses: Literal["constant", "multi_step", "cosine"] = Field(
        "constant", description="Kind of schedule."
    )
    steps: list[Annotated[int | Fraction, Field(union_mode="left_to_right")]] = Field(
        default_factory=list,
        description="multi_step: milestones, in iterations or fractions of the training.",
    )
    gamma: float = Field(0.1, gt=0, le=1, description="multi_step: factor at each milestone.")
    final_factor: Fraction = Field(0.0, description="cosine: factor at the end.")
    warmup: WarmupSettings | None = Field(None, description="Warm-up.")

    @model_validator(mode="after")
    def _belong_together(self) -> ScheduleSettings:
        if (self.uses == "multi_step") != bool(self.steps):
            raise ValueError("'steps' and the schedule 'multi_step' go together")
        if self.steps != sorted(self.steps) or any(step < 0 for step in self.steps):
            raise ValueError("'steps' rise and are not negative")
        return self


class ClipSettings(DocumentPart):
    """Gradient clipping."""

    norm: float | None = Field(
        None, gt=0, description="Limit on the norm of all gradients together."
    )
    value: float | None = Field(
        None, gt=0, description="Limit on the absolute value of each gradient."
    )

    @model_validator(mode="after")
    def _is_one(self) -> ClipSettings:
        if (self.norm is None) == (self.value is None):
            raise ValueError("gradients are clipped by 'norm' or by 'value'")
        return self


class EmaSettings(DocumentPart):
    """Exponential moving average of the weights, for evaluation and prediction."""

    decay: float = Field(0.999, ge=0, lt=1, description="Decay at each iteration.")


class MetricSettings(DocumentPart):
    """The metric that compares weights."""

    metric: str = Field(
        description="Name of a metric, such as `bbox/AP`, or `validation/total_loss`."
    )
    better: Order = Field("higher", description="Whether higher or lower values are better.")


class PatienceSettings(MetricSettings):
    """Early stopping."""

    patience: PositiveInt = Field(description="Evaluations without a better value before stopping.")
    min_change: NonNegative = Field(0.0, description="Smaller changes do not count as better.")


class CheckpointSettings(DocumentPart):
    """Checkpoints: when they are saved, and how many are kept."""

    every: PositiveInt = Field(500, description="Iterations between checkpoints.")
    keep: PositiveInt = Field(2, description="Number of checkpoints to keep.")
    best: MetricSettings | None = Field(None, description="Save the best weights, too.")


class TrainingSettings(DocumentPart):
    """Training settings."""

    iterations: PositiveInt = Field(description="Optimizer steps.")
    seed: int = Field(0, ge=0, lt=2**63, description="Random seed.")
    optimizer: OptimizerSettings = Field(description="The optimizer and its parameter groups.")
    schedule: ScheduleSettings = Field(
        default_factory=lambda: ScheduleSettings(), description="Learning rate schedule."
    )
    clip: ClipSettings | None = Field(None, description="Gradient clipping.")
    accumulate: PositiveInt = Field(
        1, description="Batches per optimizer step: gradient accumulation."
    )
    precision: Precision = Field(
        "float32", description="Precision of the forward pass: float32, or mixed precision."
    )
    channels_last: bool = Field(False, description="Use the memory format channels_last.")
    ema: EmaSettings | None = Field(None, description="Exponential moving average of the weights.")
    precise_bn: PositiveInt | None = Field(
        None,
        description="Batches over which the statistics of BatchNorm are recomputed before each "
        "evaluation and in the end (PreciseBN).",
    )
    loss_weights: dict[str, NonNegative] = Field(
        default_factory=dict, description="Factors on losses by name; 1 for all others."
    )
    checkpoint: CheckpointSettings = Field(
        default_factory=lambda: CheckpointSettings(), description="Checkpoints."
    )
    early_stopping: PatienceSettings | None = Field(None, description="Early stopping.")
    log_every: PositiveInt = Field(20, description="Iterations between log records.")
    deterministic: bool = Field(
        False, description="Use deterministic operations only; others are errors."
    )
    find_unused_parameters: bool = Field(
        False, description="Allow parameters without a gradient in distributed training (DDP)."
    )
    distributed: Literal["ddp", "fsdp"] = Field(
        "ddp",
        description="Distributed training: replicas of the model (ddp), or shards of it (fsdp).",
    )

    @property
    def deciding_metrics(self) -> dict[str, str]:
        """The metrics of early stopping and the best checkpoint, by setting."""
        deciding = {"early_stopping": self.early_stopping, "checkpoint.best": self.checkpoint.best}
        return {
            setting: chosen.metric for setting, chosen in deciding.items() if chosen is not None
        }
