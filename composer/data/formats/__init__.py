"""Formats of datasets, recognised by the content of files.

A format is a function that is published in the entry point group `composer.formats`. It takes a
`DataPath` and returns a `Recognition`, or None: the reader of the format, and its configuration for
each split. Ours are published like anybody's.
"""

from composer.data.formats.data_path import DataPath, open_path
from composer.data.formats.recognising import find_recognitions, recognise
from composer.data.formats.recognition import Recognition

__all__ = [
    "DataPath",
    "Recognition",
    "find_recognitions",
    "open_path",
    "recognise",
]
