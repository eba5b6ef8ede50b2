"""Files of rows: Parquet with typed columns, and dense tensors beside it. Models are above."""

from composer.row_files.arrow_batches import arrange_batch, make_schema, require_pyarrow, to_numpy
from composer.row_files.columns import Column, can_vary, describe_columns, find_columns
from composer.row_files.image_rows import ImageRows
from composer.row_files.parquet_file import DENSE_FOLDER, ParquetFile

__all__ = [
    "DENSE_FOLDER",
    "Column",
    "ImageRows",
    "ParquetFile",
    "arrange_batch",
    "can_vary",
    "describe_columns",
    "find_columns",
    "make_schema",
    "require_pyarrow",
    "to_numpy",
]
