"""Values of graphs collected over many images: rows of images, regions or detections."""

from composer.extraction.extracting import extract_rows
from composer.extraction.extractor import Extractor
from composer.extraction.image_names import list_images, list_sources
from composer.extraction.request import Request, make_request
from composer.extraction.row_owners import RowOwners, is_list_of

__all__ = [
    "Extractor",
    "Request",
    "RowOwners",
    "extract_rows",
    "is_list_of",
    "list_images",
    "list_sources",
    "make_request",
]
