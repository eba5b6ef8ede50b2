"""YAML documents with places: reading, params, settings, validation, and messages that point."""

from composer.documents.addresses import Address
from composer.documents.document_part import SOURCE, DocumentPart, Name, NamingPart
from composer.documents.located import Located, locate
from composer.documents.params import (
    describe_held,
    escape,
    inlined_params,
    substitute_params,
    unused_params,
)
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.documents.reading import (
    DocumentSource,
    as_absolute,
    find_beside,
    find_folder,
    label_path,
    read_document,
    read_file,
    read_root,
    read_text,
)
from composer.documents.repetitions import Repetitions
from composer.documents.settable import (
    Settable,
    apply_settings,
    give_params,
    spread_sections,
)
from composer.documents.settable_document import SettableDocument
from composer.documents.settings import (
    Setting,
    SettingsSource,
    collect_settings,
    locate_settings,
    parse_settings,
    read_settings,
)
from composer.documents.validation import (
    FOLDER,
    NOTES,
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
    "NOTES",
    "SOURCE",
    "Address",
    "DocumentPart",
    "DocumentSource",
    "Located",
    "Location",
    "Name",
    "NamingPart",
    "Place",
    "Problem",
    "ProblemLog",
    "Repetitions",
    "Settable",
    "SettableDocument",
    "Setting",
    "SettingsSource",
    "apply_settings",
    "as_absolute",
    "collect_settings",
    "describe_errors",
    "describe_held",
    "escape",
    "find_beside",
    "find_folder",
    "give_params",
    "group_errors",
    "inlined_params",
    "label_path",
    "locate",
    "locate_settings",
    "note_errors",
    "parse_settings",
    "parse_value",
    "read_document",
    "read_file",
    "read_root",
    "read_settings",
    "read_text",
    "read_yaml",
    "spread_sections",
    "substitute_params",
    "suggest_choice",
    "unused_params",
    "validate",
]
