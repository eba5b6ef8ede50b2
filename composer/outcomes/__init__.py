"""Outcomes of commands remembered on disk: checked specs, and contracts of node types."""

from composer.outcomes.opened_files import installed_folders
from composer.outcomes.outcome_cache import KIND
from composer.outcomes.questions import make_plain, names_a_file
from composer.outcomes.remembering import Outcome, recall_or_find
from composer.outcomes.source_hashes import SourceFile, list_package_files

__all__ = [
    "KIND",
    "Outcome",
    "SourceFile",
    "installed_folders",
    "list_package_files",
    "make_plain",
    "names_a_file",
    "recall_or_find",
]
