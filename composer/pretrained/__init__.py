"""Trained weights that are at hand without a download, and the choice of those that fit a model."""

from composer.pretrained.candidates import SOURCES, Candidate, Normalisation, list_candidates
from composer.pretrained.choice import Filling, fill_with_best

__all__ = [
    "SOURCES",
    "Candidate",
    "Filling",
    "Normalisation",
    "fill_with_best",
    "list_candidates",
]
