"""Inference on images of any form, one or many, with visualizations and files of predictions."""

from composer.prediction.file_predictions import (
    FilePredictions,
    FileResult,
    FoundFiles,
    find_files,
    make_folder,
    sort_files,
)
from composer.prediction.image_sources import ChannelOrder, ImageSource, LoadedImage, load_image
from composer.prediction.prediction import Prediction
from composer.prediction.predictor import Predictor

__all__ = [
    "ChannelOrder",
    "FilePredictions",
    "FileResult",
    "FoundFiles",
    "ImageSource",
    "LoadedImage",
    "Prediction",
    "Predictor",
    "find_files",
    "load_image",
    "make_folder",
    "sort_files",
]
