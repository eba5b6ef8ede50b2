"""Graphs and parts of them as files that run without this package."""

from composer.exporting.checking import CheckedOutput, describe_check
from composer.exporting.cut import Cut
from composer.exporting.description import (
    ExportedTensor,
    FileDescription,
    parse_file_description,
)
from composer.exporting.examples import plan_recording
from composer.exporting.exporter import (
    Exporter,
    ExportOptions,
    ProgramExporter,
    RunFile,
    WeightsExporter,
    find_exporter,
    load_exporter,
)
from composer.exporting.exporting import (
    TOLERANCE,
    ExportReport,
    check_options,
    export_graph,
    make_cut,
)
from composer.exporting.flat_slots import FlatSlot, FlatTensor

__all__ = [
    "TOLERANCE",
    "CheckedOutput",
    "Cut",
    "ExportOptions",
    "ExportReport",
    "ExportedTensor",
    "Exporter",
    "FileDescription",
    "FlatSlot",
    "FlatTensor",
    "ProgramExporter",
    "RunFile",
    "WeightsExporter",
    "check_options",
    "describe_check",
    "export_graph",
    "find_exporter",
    "load_exporter",
    "make_cut",
    "parse_file_description",
    "plan_recording",
]
