"""YAML documents with places: reading, params, settings, validation, and messages that point."""

from composer.documents.document_part import DocumentPart
from composer.documents.located import Located, locate
from composer.documents.params import escape, substitute_params
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.documents.reading import (
    FOLDER,
    DocumentSource,
    as_absolute,
    find_beside,
    read_document,
    read_file,
    read_text,
)
from composer.documents.settings import (
    Setting,
    locate_settings,
    parse_settings,
    read_settings,
)
from composer.documents.validation import (
    Location,
    describe_errors,
    group_errors,
    note_errors,
    suggest_choice,
    validate,
)
from composer.documents.yaml_reader import parse_value, read_yaml

__all__ = [
    "FOLDER",
    "DocumentPart",
    "DocumentSource",
    "Located",
    "Location",
    "Place",
    "Problem",
    "ProblemLog",
    "Setting",
    "as_absolute",
    "describe_errors",
    "escape",
    "find_beside",
    "group_errors",
    "locate",
    "locate_settings",
    "note_errors",
    "parse_settings",
    "parse_value",
    "read_document",
    "read_file",
    "read_settings",
    "read_text",
    "read_yaml",
    "substitute_params",
    "suggest_choice",
    "validate",
]
