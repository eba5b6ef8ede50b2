"""The form of a catalogue, as a plugin publishes it: plain values."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class EntryForm(BaseModel):
    """A published model.

    Attributes:
        name: its name in the catalogue, such as `SECTION/NAME`.
        weights: the address of its checkpoint; in a catalogue with an address, what follows that.
        task: what it predicts.
        dataset: what it was trained on.
        schedule: how long it was trained.
        metrics: published metrics by their names, in percent.
        spec: the name of the spec that it is; None if there is none yet.
        names: the name of the spec that has its class names; empty for none, or for `metadata`.
        metadata: its class names and their like, as in a spec.
        params: params of the spec.
        set: settings of the spec.
        nodes: changes of the spec's nodes.
        image: changes of the size and the channel order of its images.
        size: bytes of the checkpoint, if that is published.
        is_default: whether these are the weights to take for the spec.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    weights: str = Field(min_length=1)
    task: str
    dataset: str = ""
    schedule: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    spec: str | None = None
    names: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    set: dict[str, Any] = Field(default_factory=dict)
    nodes: dict[str, Any] = Field(default_factory=dict)
    image: dict[str, Any] = Field(default_factory=dict)
    size: int | None = None
    is_default: bool = False


class CatalogueForm(BaseModel):
    """A catalogue.

    Attributes:
        source: where the models are from, for people.
        address: what the addresses of weights begin with; empty if they are whole.
        licence: of the weights, for people; empty if it is unknown.
        entries: the models.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    address: str = ""
    licence: str = ""
    entries: tuple[EntryForm, ...]
