"""Parquet files of rows: what is read again, and what is refused."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from composer.errors import CheckpointError, InputError
from composer.row_files import ImageRows, ParquetFile, find_columns
from limited_files import limited

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
pytestmark = pytest.mark.slow


def rows(number, count, side=4):
    columns = {
        "detection": torch.arange(count),
        "box": torch.arange(count * 4.0).reshape(count, 4) + number,
        "head": torch.full((count, 2, 3), number + 0.5, dtype=torch.bfloat16),
        "name": ["a"] * count,
        "map": [torch.full((2, side, 5), float(number)) for _ in range(count)],
    }
    return ImageRows(number, f"{number}.jpg", 4, 5, count, columns)


def test_rows_are_read_again(tmp_path):
    file = ParquetFile(tmp_path / "a.parquet", find_columns(rows(0, 1)), {"about": "test"})
    with file:
        for number, count in enumerate((2, 0, 3)):
            file.add(rows(number, count, side=number + 1))
        file.add(ImageRows(3, "bad.jpg", error="no image"))
    table = parquet.read_table(tmp_path / "a.parquet")
    found = table.to_pylist()
    assert (file.num_rows, file.num_errors, len(found)) == (6, 1, 6)
    assert [row["image"] for row in found] == [0, 0, 2, 2, 2, 3]
    assert np.stack(found[1]["box"]).tolist() == [4, 5, 6, 7]
    assert found[2]["head"] == [2.5] * 6
    assert (found[-1]["error"], found[-1]["box"], found[-1]["dense_key"]) == (
        "no image",
        None,
        None,
    )
    assert table.schema.metadata[b"about"] == b"test"
    (dense,) = file.dense_files
    tensors = load_file(dense)
    assert found[3]["dense_file"] == f"_dense/{dense.name}"
    assert tensors[f"{found[3]['dense_key']}.map"].shape == (2, 3, 5)
    assert len(tensors) == 5


def test_a_file_without_rows_has_its_columns(tmp_path):
    with ParquetFile(tmp_path / "a.parquet", find_columns(rows(0, 1)), {}):
        pass
    table = parquet.read_table(tmp_path / "a.parquet")
    assert (table.num_rows, "box" in table.column_names) == (0, True)


def test_a_tensor_of_another_shape_is_refused(tmp_path):
    first = ImageRows(0, "a", 1, 1, 1, {"x": torch.rand(1, 3)})
    other = ImageRows(1, "b", 1, 1, 1, {"x": torch.rand(1, 4)})
    with ParquetFile(tmp_path / "a.parquet", find_columns(first), {}) as file:
        file.add(first)
        with pytest.raises(InputError, match="'x' has the shape 4 here and 3 elsewhere"):
            file.add(other)


def test_names_in_other_encodings_are_written(tmp_path):
    with ParquetFile(tmp_path / "a.parquet", find_columns(rows(0, 1)), {}) as file:
        file.add(ImageRows(0, "caf\udce9.jpg", error="caf\udce9.jpg: no image"))
    assert parquet.read_table(tmp_path / "a.parquet")["file_name"][0].as_py() == "caf?.jpg"


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "a.parquet").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        ParquetFile(tmp_path / "a.parquet", find_columns(rows(0, 1)), {})


@pytest.mark.parametrize(
    ("side", "limit", "error", "named"),
    [(4, 300, OSError, "a.parquet"), (900, 50_000, CheckpointError, "_dense/a.000.safetensors")],
)
def test_a_full_disk_is_told_with_the_name_that_the_file_was_to_have(
    side, limit, error, named, tmp_path
):
    (tmp_path / "work").mkdir()
    columns, place = find_columns(rows(0, 1)), tmp_path / "a.parquet"
    file = ParquetFile(tmp_path / "work" / "a.parquet", columns, {}, place)
    file.add(rows(0, 2, side=side))
    with limited(limit), pytest.raises(error) as caught:
        file.finish()
    told = getattr(caught.value, "filename", None) or str(caught.value)
    assert str(tmp_path / named) in told
