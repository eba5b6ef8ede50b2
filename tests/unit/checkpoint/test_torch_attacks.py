import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from composer.checkpoint import read_checkpoint
from composer.errors import CheckpointError
from unit.checkpoint.hostile_pickles import Reduced, attacks, command, document, named, text
from unit.checkpoint.torch_archives import data_pickle, write_archive, write_legacy

NAMES = [name for name, _ in attacks(Path("canary"))]
MEGABYTE = 2**20


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_in_an_archive_is_refused_and_does_nothing(name, canary, tmp_path):
    path = write_archive(tmp_path / "model.pth", dict(attacks(canary))[name])
    with pytest.raises(CheckpointError, match=r"model\.pth: (refused|.*hostile)"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_in_an_old_file_is_refused_and_does_nothing(name, canary, tmp_path):
    path = write_legacy(tmp_path / "model.pth", dict(attacks(canary))[name])
    with pytest.raises(CheckpointError, match=r"model\.pth: (refused|.*hostile)"):
        read_checkpoint(path)


@pytest.mark.parametrize("is_archive", [True, False])
def test_an_object_that_torch_saved_is_refused_by_name(is_archive, canary, tmp_path):
    evil = Reduced(eval, f"__import__('os').system({command(canary)!r})")
    torch.save(
        {"model": {"w": torch.zeros(2)}, "extra": [evil]},
        tmp_path / "model.pth",
        _use_new_zipfile_serialization=is_archive,
    )
    with pytest.raises(CheckpointError, match=r"refused the global '(builtins|__builtin__)\.eval'"):
        read_checkpoint(tmp_path / "model.pth")


def test_a_whole_module_is_refused_by_name(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"the global 'torch\.nn\.modules\.linear\.Linear'"):
        read_checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize("is_archive", [True, False])
def test_the_reader_of_torch_itself_never_sees_a_file(is_archive, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.load", None)
    torch.save({"w": torch.ones(2)}, tmp_path / "x.pth", _use_new_zipfile_serialization=is_archive)
    assert read_checkpoint(tmp_path / "x.pth").tensors["w"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/evil",
        "../../evil",
        "model/../../evil",
        "model/data/../../../evil",
        "..\\evil",
        "model\\..\\..\\evil",
        "\\evil",
        "C:/evil",
    ],
)
def test_a_member_whose_name_leads_out_of_the_archive_is_refused(name, tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = write_archive(folder / "model.pth", data_pickle({}), members={name: b"evil"})
    with pytest.raises(CheckpointError, match="leads out of the archive"):
        read_checkpoint(path)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_member_whose_name_hides_its_end_is_refused(tmp_path):
    path = write_archive(tmp_path / "x.pth", data_pickle({}), members={"model/data/0~": b"evil"})
    path.write_bytes(path.read_bytes().replace(b"data/0~", b"data/0\0"))
    with pytest.raises(CheckpointError, match="leads out of the archive"):
        read_checkpoint(path)


def test_members_that_overlap_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", data_pickle({}))
        archive.writestr("model/data/0", bytes(5000))
        first = archive.infolist()[1]
        for index in range(1, 4):
            again = zipfile.ZipInfo(f"model/data/{index}")
            for field in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(again, field, getattr(first, field))
            archive.filelist.append(again)
    with pytest.raises(
        CheckpointError, match=r"hostile: the directory and the member 'model/data/1' differ"
    ):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path):
    members = {"model/data.pkl": document(named("os", "system"))}
    path = write_archive(tmp_path / "model.pth", data_pickle({}), members=members)
    with pytest.raises(CheckpointError, match="hostile: two of its members have one name"):
        read_checkpoint(path)


def test_a_compressed_archive_is_refused(tmp_path):
    path = write_archive(tmp_path / "x.pth", data_pickle({}), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed, which torch never does"):
        read_checkpoint(path)


def test_an_archive_of_code_is_refused(tmp_path):
    path = write_archive(
        tmp_path / "x.pth",
        data_pickle({}),
        members={"model/constants.pkl": b"", "model/code/a.py": b""},
    )
    with pytest.raises(CheckpointError, match="TorchScript archive, which holds code"):
        read_checkpoint(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("model_final.pth", b"content")
    with pytest.raises(CheckpointError, match=r"it has no 'data\.pkl'"):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("twin", ["DATA.PKL", "Data.pkl", "data\\0", "data/0/", "data/\uff10"])
def test_two_names_that_some_readers_take_for_one_are_refused(twin, tmp_path):
    members = {"model/data/0": bytes(8), f"model/{twin}": document(named("os", "system"))}
    path = write_archive(tmp_path / "model.pth", data_pickle({}), members=members)
    with pytest.raises(CheckpointError, match="refused: two members of the archive have names"):
        read_checkpoint(path)


def number(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def storage(count: int, kind: str = "FloatStorage") -> bytes:
    parts = text("storage") + named("torch", kind) + text("0") + text("cpu") + number(count)
    return b"(" + parts + b"tQ"


def tensor(stored: bytes, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    sides, steps = (b"(" + b"".join(map(number, sizes)) + b"t" for sizes in (shape, stride))
    hooks = named("collections", "OrderedDict") + b")R"
    arguments = b"(" + stored + number(offset) + sides + steps + b"\x89" + hooks + b"t"
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


CLAIMS = {
    "a storage larger than its data": tensor(storage(2**40), 0, (1,), (1,)),
    "a storage of negative size": tensor(storage(-1), 0, (1,), (1,)),
    "a storage of an unknown type": tensor(storage(2, "QInt8Storage"), 0, (1,), (1,)),
    "a tensor larger than its storage": tensor(storage(2), 0, (2**40,), (1,)),
    "a tensor that repeats its data": tensor(storage(2), 0, (2**20, 2**20), (0, 0)),
    "a tensor that ends too late": tensor(storage(2), 1, (2,), (1,)),
    "a tensor with a long stride": tensor(storage(2), 0, (2,), (2**40,)),
    "a tensor that begins before its storage": tensor(storage(2), -1, (2,), (1,)),
    "a tensor with a negative side": tensor(storage(2), 0, (-2,), (1,)),
    "a tensor with too few strides": tensor(storage(2), 0, (2, 1), (1,)),
    "a tensor of too many dimensions": tensor(storage(2), 0, (1,) * 65, (1,) * 65),
    "an empty tensor larger than any memory": tensor(storage(2), 0, (2**40, 2**40, 0), (1, 1, 1)),
    "an empty tensor far away": tensor(storage(2), 2**62, (0,), (1,)),
    "a tensor with a negative stride": tensor(storage(2), 1, (2,), (-1,)),
    "a tensor without a storage": tensor(b"N", 0, (1,), (1,)),
    "a tensor without a shape": tensor(storage(2), 0, (), ()).replace(b"(t(t", b"NN"),
    "a tensor of an unknown type": tensor(storage(2), 0, (2,), (1,))
    .replace(b"_v2", b"_v3")
    .replace(b")RtR", b")RNtR"),
    "a storage without a type": tensor(storage(2), 0, (2,), (1,)).replace(
        named("torch", "FloatStorage"), b"N"
    ),
    "a storage of a dtype": tensor(storage(2), 0, (2,), (1,)).replace(
        named("torch", "FloatStorage"), named("torch", "float32")
    ),
    "bytes by their number": named("builtins", "bytearray") + number(2**40) + b"\x85R",
    "a tensor by its size": named("torch", "FloatTensor") + number(2**40) + b"\x85R",
    "an empty tensor by its size": named("torch", "Tensor") + number(2**40) + b"\x85R",
    "a parameter without a tensor": named("torch._utils", "_rebuild_parameter") + b"(N\x88NtR",
    "a key of great depth": b"}N" + b"\x85" * 10_000 + b"Ns",
    "a set with an element of great depth": named("builtins", "set")
    + b"]N"
    + b"\x85" * 10_000
    + b"a\x85R",
    "a counter of texts": named("collections", "Counter")
    + b"}"
    + text("a")
    + text("b")
    + b"s\x85R",
    "state of a tensor": tensor(storage(2), 0, (2,), (1,)) + b"}b",
    "a module": b"(" + text("module") + b"NNNtQ",
    "a place outside": text("storage") + b"Q",
}


OTHER_TENSORS = {
    "a sparse tensor": lambda: torch.eye(3).to_sparse(),
    "a sparse tensor of rows": lambda: torch.eye(3).to_sparse_csr(),
    "a nested tensor": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "a quantized tensor": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    "a tensor on the meta device": lambda: torch.ones(3, device="meta"),
}


@pytest.mark.parametrize("what", OTHER_TENSORS)
@pytest.mark.filterwarnings("ignore")
def test_tensors_without_plain_data_are_refused_by_their_kind(what, tmp_path):
    torch.save({"w": OTHER_TENSORS[what]()}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=rf"refused {what.removesuffix(' of rows')}"):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_checked_before_torch_believes_it(name, tmp_path):
    path = write_archive(
        tmp_path / "model.pth", document(CLAIMS[name]), members={"model/data/0": bytes(8)}
    )
    check_refused(path)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_in_an_old_file_is_checked_before_torch_believes_it(name, tmp_path):
    with_views = CLAIMS[name].replace(b"tQ", b"NtQ")
    rest = (2).to_bytes(8, "little") + bytes(8)
    check_refused(write_legacy(tmp_path / "model.pth", document(with_views), keys="0", rest=rest))


def check_refused(path):
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"refused|hostile"):
            read_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_the_tensor_of_these_claims_can_be_read_with_its_true_size(tmp_path):
    content = document(tensor(storage(2), 0, (2,), (1,)))
    members = {"model/data/0": torch.tensor([1.0, 2.0]).numpy().tobytes()}
    path = write_archive(tmp_path / "new.pth", content, members=members)
    assert read_checkpoint(path).tensors["w"].tolist() == [1.0, 2.0]

    rest = (2).to_bytes(8, "little") + members["model/data/0"]
    old = write_legacy(tmp_path / "old.pth", content.replace(b"tQ", b"NtQ"), keys="0", rest=rest)
    assert read_checkpoint(old).tensors["w"].tolist() == [1.0, 2.0]


def test_a_tensor_of_an_old_view_is_kept_within_its_storage(tmp_path):
    view = b"(" + text("view") + number(1) + number(2) + b"t"
    stored = storage(2).replace(b"tQ", view + b"tQ")
    content = document(tensor(stored, 0, (1,), (1,)))
    rest = (2).to_bytes(8, "little") + bytes(8)
    path = write_legacy(tmp_path / "model.pth", content, keys="0", rest=rest)
    with pytest.raises(CheckpointError, match="a view that ends at byte 12 of 8"):
        read_checkpoint(path)


def test_a_tensor_of_an_old_view_is_read(tmp_path):
    view = b"(" + text("view") + number(1) + number(1) + b"t"
    content = document(tensor(storage(2).replace(b"tQ", view + b"tQ"), 0, (1,), (1,)))
    rest = (2).to_bytes(8, "little") + torch.tensor([1.0, 2.0]).numpy().tobytes()
    path = write_legacy(tmp_path / "model.pth", content, keys="0", rest=rest)
    assert read_checkpoint(path).tensors["w"].tolist() == [2.0]


def test_an_old_view_without_a_size_is_refused(tmp_path):
    view = b"(" + text("view") + number(0) + number(-1) + b"t"
    content = document(tensor(storage(2).replace(b"tQ", view + b"tQ"), 0, (1,), (1,)))
    with pytest.raises(CheckpointError, match="a malformed view"):
        read_checkpoint(write_legacy(tmp_path / "model.pth", content, keys="0"))


@pytest.mark.parametrize(
    ("keys", "rest"),
    [((), b""), ("0", b""), ("01", bytes(64)), ([0], bytes(64)), ([["0"]], bytes(64))],
)
def test_an_old_file_whose_storages_are_not_there_is_refused(keys, rest, tmp_path):
    content = document(tensor(storage(2).replace(b"tQ", b"NtQ"), 0, (2,), (1,)))
    path = write_legacy(tmp_path / "model.pth", content, keys=keys, rest=rest)
    with pytest.raises(CheckpointError, match=r"hostile|header is damaged"):
        read_checkpoint(path)
