"""The language of model specs: their keys, the values that they parse to, and how they nest."""

from composer.language.keys import (
    LANGUAGE_VERSION,
    MODES,
    RECOMPUTE,
    ImageFormat,
    Mode,
    SpecDocument,
)
from composer.language.loading import load_spec, log_notes, log_unchecked, read_spec
from composer.language.metadata import SpecMetadata
from composer.language.nesting import read_extended
from composer.language.node_settings import apply_settings
from composer.language.sources import NamedSpec, SavedSpec, SpecSource, find_spec
from composer.language.spec import (
    FrozenPart,
    GraphSpec,
    InputSpec,
    NodeSpec,
    Reference,
    Spec,
    WireSpec,
)

__all__ = [
    "LANGUAGE_VERSION",
    "MODES",
    "RECOMPUTE",
    "FrozenPart",
    "GraphSpec",
    "ImageFormat",
    "InputSpec",
    "Mode",
    "NamedSpec",
    "NodeSpec",
    "Reference",
    "SavedSpec",
    "Spec",
    "SpecDocument",
    "SpecMetadata",
    "SpecSource",
    "WireSpec",
    "apply_settings",
    "find_spec",
    "load_spec",
    "log_notes",
    "log_unchecked",
    "read_extended",
    "read_spec",
]
