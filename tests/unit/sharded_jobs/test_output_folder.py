import json
import os
import signal

import pytest

from composer.errors import InputError
from composer.sharded_jobs import OutputFolder, check_manifest, hash_names
from composer.sharded_jobs.manifest import note_parts, read_manifest
from forked_processes import FORKS


@pytest.fixture(params=["disk", "store"])
def folder(request, tmp_path):
    """A folder of results, on a disk or in fsspec's memory."""
    address = tmp_path / "out" if request.param == "disk" else f"memory://{tmp_path.name}/out"
    return OutputFolder(address)


def test_a_published_file_is_there_and_nothing_beside_it(folder):
    assert folder.list_names() == set()
    with folder.work_folder("part-0") as work:
        (work / "part-0.parquet").write_bytes(b"rows")
        assert folder.list_names() == set()
        folder.publish(work / "part-0.parquet")
    assert folder.list_names() == {"part-0.parquet"}
    assert folder.read("part-0.parquet") == b"rows"
    assert folder.read("other") is None


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path):
    folder = OutputFolder(tmp_path)
    (tmp_path / ".part-0.abc.part").mkdir()
    (tmp_path / ".part-0.abc.part" / "part-0.parquet").write_bytes(b"half")
    (tmp_path / ".part-1.abc.part").mkdir()
    with folder.work_folder("part-0"):
        assert (tmp_path / ".part-1.abc.part").is_dir()
        assert not (tmp_path / ".part-0.abc.part").exists()
    assert [path.name for path in tmp_path.iterdir()] == [".part-1.abc.part"]


def test_a_claim_keeps_others_out_until_it_is_given_up(tmp_path):
    first, other = OutputFolder(tmp_path), OutputFolder(tmp_path)
    with first.claimed("part-0") as mine:
        assert mine
        with other.claimed("part-0") as theirs, other.claimed("part-1") as another:
            assert (theirs, another) == (False, True)
    with other.claimed("part-0") as theirs:
        assert theirs


def _claim_and_die(address, ready):
    with OutputFolder(address).claimed("part-0"):
        ready.set()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_the_claim_of_a_killed_process_is_free_at_once(tmp_path):
    ready = FORKS.Event()
    process = FORKS.Process(target=_claim_and_die, args=(str(tmp_path), ready))
    process.start()
    process.join(60)
    assert ready.is_set()
    with OutputFolder(tmp_path).claimed("part-0") as is_claimed:
        assert is_claimed


def test_a_folder_takes_the_results_of_one_job_only(folder):
    job = {"model": "people", "images": hash_names(["a", "b"]), "shards": 4}
    check_manifest(folder, job)
    check_manifest(folder, job)
    note_parts(folder, {"part-0.parquet": {"rows": 3}})
    check_manifest(folder, job)
    with pytest.raises(InputError, match=r"another job; what differs: shards \(4 there, 5 here\)"):
        check_manifest(folder, {**job, "shards": 5})
    with pytest.raises(InputError, match=r"images .* there"):
        check_manifest(folder, {**job, "images": hash_names(["b", "a"])})


def test_the_manifest_lists_parts_that_are_there(folder):
    check_manifest(folder, {"model": "people"})
    folder.write("a.parquet", b"")
    note_parts(folder, {"a.parquet": {"rows": 1}, "b.parquet": {"rows": 2}})
    note_parts(folder, {"c.parquet": {"rows": 3}})
    assert sorted(read_manifest(folder)["parts"]) == ["a.parquet", "c.parquet"]


def test_a_damaged_manifest_is_named(folder):
    folder.write("_manifest.json", b"{")
    with pytest.raises(InputError, match=r"_manifest\.json is damaged"):
        check_manifest(folder, {})
    folder.write("_manifest.json", json.dumps([1]).encode())
    with pytest.raises(InputError, match="it is no object"):
        check_manifest(folder, {})


def test_a_folder_that_cannot_be_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be the folder of results"):
        OutputFolder(tmp_path / "file")
    with pytest.raises(InputError, match="nostore"):
        OutputFolder("nostore://bucket/x")


def test_names_that_are_joined_differently_have_other_hashes():
    assert len({hash_names(one) for one in (["ab"], ["a", "b"], ["b", "a"], [])}) == 4
