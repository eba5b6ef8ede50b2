"""Inference on images of any form, one or many, with visualizations and files of predictions."""

from composer.prediction.file_predictions import (
    FilePredictions,
    FileResult,
    FoundFiles,
    OutputFormat,
    find_files,
    make_folder,
    sort_files,
)
from composer.prediction.image_sources import (
    ChannelOrder,
    ImageSource,
    LoadedImage,
    check_order,
    load_image,
)
from composer.prediction.prediction import Prediction
from composer.prediction.prediction_rows import PredictionRows
from composer.prediction.predictor import Predictor
from composer.prediction.row_metadata import describe_file, describe_source, hash_weights

__all__ = [
    "ChannelOrder",
    "FilePredictions",
    "FileResult",
    "FoundFiles",
    "ImageSource",
    "LoadedImage",
    "OutputFormat",
    "Prediction",
    "PredictionRows",
    "Predictor",
    "check_order",
    "describe_file",
    "describe_source",
    "find_files",
    "hash_weights",
    "load_image",
    "make_folder",
    "sort_files",
]
