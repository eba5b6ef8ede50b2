"""Using a model on photographs: of any form, one or many, with pictures and files of results."""

from composer.prediction.file_predictions import (
    FilePredictions,
    FileResult,
    find_files,
    list_other_files,
    make_folder,
)
from composer.prediction.models import open_model, shipped_models
from composer.prediction.photographs import Photograph, Picturable, read_photograph
from composer.prediction.prediction import Prediction
from composer.prediction.predictor import Predictor

__all__ = [
    "FilePredictions",
    "FileResult",
    "Photograph",
    "Picturable",
    "Prediction",
    "Predictor",
    "find_files",
    "list_other_files",
    "make_folder",
    "open_model",
    "read_photograph",
    "shipped_models",
]
