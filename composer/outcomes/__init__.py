"""Outcomes of commands remembered on disk: checked specs, and contracts of node types."""

from composer.outcomes.outcome_cache import KIND
from composer.outcomes.questions import make_plain, names_a_file
from composer.outcomes.remembering import Outcome, recall_or_find

__all__ = ["KIND", "Outcome", "make_plain", "names_a_file", "recall_or_find"]
