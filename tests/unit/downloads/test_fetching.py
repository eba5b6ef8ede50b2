"""Files arrive whole, once, and as they should be; else it is said why, and nothing is changed."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from composer.downloads import (
    fetch,
    find_cached,
    list_cached,
    locate_cached,
    remove_cached,
    without_fetching,
)
from composer.downloads.transfer import Patience
from composer.errors import DownloadError
from file_server import Answer, breaking_off, in_turn, redirecting, running_server, serve_file

CONTENT = os.urandom(300_000)
OTHER = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HASTY = Patience(retries=2, pause=0.0, connect=2.0, read=0.5)


def bring(address, **options):
    return fetch(address, patience=HASTY, **options)


def left_over(cache):
    return [path.name for path in cache.rglob("*.part*")]


def test_a_file_arrives_once(server, cache, caplog):
    server.routes["/a.pth"] = serve_file(CONTENT)
    address = f"{server.address}/a.pth"
    path = bring(address)
    assert path.read_bytes() == CONTENT
    assert (path.name, path.is_relative_to(cache / "downloads")) == ("a.pth", True)
    assert bring(address) == path
    assert server.count("/a.pth") == 1
    assert left_over(cache) == []
    assert f"sha256 {SHA256} (noted" in caplog.text
    record = find_cached(address).record
    assert (record.address, record.sha256, record.size) == (address, SHA256, len(CONTENT))
    assert record.etag


def test_a_broken_download_is_continued_where_it_broke_off(server):
    whole = serve_file(CONTENT)
    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), breaking_off(whole, 50_000), whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    starts = [request.headers.get("range") for request in server.requests]
    assert starts == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_process_continues(server, cache):
    whole = serve_file(CONTENT)
    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), lambda _: Answer(b"", 404))
    with pytest.raises(DownloadError, match=r"no such file \(404\)"):
        bring(f"{server.address}/a")
    server.routes["/a"] = whole
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    assert server.requests[-1].headers["range"] == "bytes=100000-"
    assert left_over(cache) == []


def test_a_file_that_changed_meanwhile_is_begun_again(server):
    server.routes["/a"] = in_turn(breaking_off(serve_file(OTHER), 100_000), serve_file(CONTENT))
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


def test_a_server_that_ignores_conditions_is_not_trusted(server):
    """It sends the rest of another file than the one that was begun."""

    def rest(request):
        if "range" not in request.headers:
            return Answer(CONTENT, headers={"ETag": '"new"'})
        span = f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT)}"
        return Answer(CONTENT[100_000:], 206, {"ETag": '"new"', "Content-Range": span})

    server.routes["/a"] = in_turn(breaking_off(serve_file(OTHER, etag='"old"'), 100_000), rest)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


@pytest.mark.parametrize("span", ["bytes 0-9/10", "bytes 99999-299999/300000", "nonsense", ""])
def test_another_range_than_was_asked_for_is_not_appended(server, span):
    def rest(request):
        if "range" not in request.headers:
            return serve_file(CONTENT)(request)
        return Answer(CONTENT[100_000:], 206, {"Content-Range": span})

    server.routes["/a"] = in_turn(breaking_off(serve_file(CONTENT), 100_000), rest)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_validator_a_file_is_begun_again(server, etag):
    whole = serve_file(CONTENT, etag=etag)
    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    assert all("range" not in request.headers for request in server.requests)


def test_a_date_is_a_validator(server):
    date = {"Last-Modified": "Sat, 28 Nov 2026 10:00:00 GMT"}

    def whole(request):
        if "range" not in request.headers:
            return Answer(CONTENT, headers=date)
        assert request.headers["if-range"] == date["Last-Modified"]
        span = f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT)}"
        return Answer(CONTENT[100_000:], 206, {**date, "Content-Range": span})

    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


def test_more_announced_than_sent_is_an_error(server, cache):
    server.routes["/a"] = lambda _: Answer(CONTENT, length=len(CONTENT) + 1000)
    with pytest.raises(DownloadError, match="announced 301000 bytes and broke off after 300000"):
        bring(f"{server.address}/a")
    assert not locate_cached(f"{server.address}/a").exists()


def test_a_resumed_file_of_another_size_is_an_error(server):
    whole = serve_file(CONTENT)

    def rest(request):
        span = f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT)}"
        return Answer(CONTENT[100_000:] + b"more", 206, {"Content-Range": span})

    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), rest, whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


def test_chunks_are_read(server):
    def chunked(request):
        parts = [CONTENT[:100_000], CONTENT[100_000:], b""]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return Answer(body, headers={"Transfer-Encoding": "chunked"}, length=-1)

    def broken(request):
        whole = chunked(request)
        return Answer(whole.body[:200_000], headers=whole.headers, length=-1)

    server.routes["/a"] = in_turn(broken, chunked)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    assert server.count("/a") == 2


def test_a_server_without_lengths_is_read_to_the_end(server):
    server.routes["/a"] = lambda _: Answer(CONTENT, length=-1)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


def test_nothing_at_all_is_an_error(server, cache):
    server.routes["/a"] = lambda _: Answer(b"")
    with pytest.raises(DownloadError, match="sent nothing"):
        bring(f"{server.address}/a")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, status):
    busy = Answer(b"", status, {"Retry-After": "0"})
    server.routes["/a"] = in_turn(lambda _: busy, lambda _: busy, serve_file(CONTENT))
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    assert server.count("/a") == 3


def test_a_server_that_stays_busy_is_given_up(server):
    server.routes["/a"] = lambda _: Answer(b"", 503)
    with pytest.raises(DownloadError, match=r"busy \(503\); tried 3 times"):
        bring(f"{server.address}/a")


def test_a_server_that_asks_for_hours_is_given_up(server):
    server.routes["/a"] = lambda _: Answer(b"", 429, {"Retry-After": "7200"})
    with pytest.raises(DownloadError, match="asks to wait 7200 s"):
        bring(f"{server.address}/a")
    assert server.count("/a") == 1


def test_a_server_may_name_a_date(server):
    past = "Sat, 28 Nov 2020 10:00:00 GMT"
    busy = Answer(b"", 503, {"Retry-After": past})
    server.routes["/a"] = in_turn(lambda _: busy, serve_file(CONTENT))
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "takes a user or a token"),
        (403, "not give it to you"),
        (404, "no such file"),
        (418, "418"),
    ],
)
def test_other_answers_are_final(server, status, message):
    server.routes["/a"] = lambda _: Answer(b"", status)
    with pytest.raises(DownloadError, match=message):
        bring(f"{server.address}/a")
    assert server.count("/a") == 1


def test_a_slow_server_is_waited_for(server):
    server.routes["/a"] = lambda request: Answer(CONTENT[:20_000], pause=0.05)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT[:20_000]


def test_a_server_that_falls_silent_is_asked_for_the_rest(server):
    whole = serve_file(CONTENT[:20_000])

    def silent(request):
        answer = whole(request)
        return Answer(answer.body, answer.status, answer.headers, pause=2.0)

    server.routes["/a"] = in_turn(silent, whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT[:20_000]


def test_redirects_are_followed(server):
    server.routes["/a"] = redirecting("/b", 301)
    server.routes["/b"] = redirecting(f"{server.address}/c", 307)
    server.routes["/c"] = serve_file(CONTENT)
    path = bring(f"{server.address}/a")
    assert (path.name, path.read_bytes()) == ("a", CONTENT)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "data:text/plain,abc",
        "s3://bucket/a",
        "http://example.com/a",
        "javascript:alert(1)",
        "https://[::1/a",
    ],
)
def test_redirects_to_what_is_not_fetched_from_are_refused(server, target):
    server.routes["/a"] = redirecting(target)
    with pytest.raises(DownloadError, match=r"the server redirects"):
        bring(f"{server.address}/a")


def test_a_circle_of_redirects_ends(server):
    server.routes["/a"] = redirecting("/a")
    with pytest.raises(DownloadError, match="more than 10 times"):
        bring(f"{server.address}/a")


def test_credentials_stay_with_their_host_and_are_not_printed(server, cache, caplog):
    with running_server({"/b": serve_file(CONTENT)}) as other:
        server.routes["/a"] = redirecting("/a2")
        server.routes["/a2"] = redirecting(f"{other.address}/b?signature=hidden")
        with caplog.at_level(logging.DEBUG):
            bring(server.address.replace("//", "//me:secret@") + "/a?key=hidden")
        assert [bool(r.headers.get("authorization")) for r in server.requests] == [True, True]
        assert [bool(r.headers.get("authorization")) for r in other.requests] == [False]
    written = "".join(p.read_text() for p in cache.rglob("*.json"))
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("composer")]
    assert "secret" not in written + "".join(ours)
    assert "hidden" not in written + "".join(ours)


def test_credentials_are_not_in_errors(server):
    server.routes["/a"] = lambda _: Answer(b"", 403)
    with pytest.raises(DownloadError) as caught:
        bring(server.address.replace("//", "//me:secret@") + "/a?key=hidden")
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_what_a_server_compresses_is_unpacked(server):
    import gzip

    zipped = Answer(gzip.compress(CONTENT), headers={"Content-Encoding": "gzip", "ETag": '"a"'})
    server.routes["/a"] = lambda _: zipped
    assert bring(f"{server.address}/a").read_bytes() == CONTENT


def test_a_compressed_answer_that_breaks_off_is_begun_again(server):
    import gzip

    headers = {"Content-Encoding": "gzip", "ETag": '"a"'}
    whole = lambda _: Answer(gzip.compress(CONTENT), headers=headers)  # noqa: E731
    server.routes["/a"] = in_turn(breaking_off(whole, 100_000), whole)
    assert bring(f"{server.address}/a").read_bytes() == CONTENT
    assert all("range" not in request.headers for request in server.requests)


def test_a_compressed_answer_does_not_fill_the_disk(server, monkeypatch, cache):
    import gzip

    monkeypatch.setenv("COMPOSER_MAX_BYTES", "1M")
    bomb = gzip.compress(bytes(30_000_000))
    server.routes["/a"] = lambda _: Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(DownloadError, match="COMPOSER_MAX_BYTES"):
        bring(f"{server.address}/a")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<!DOCTYPE html><html><title>Sign  in</title>", headers={}),
        Answer(b"\n <HTML><head><title>Sign in</title></head>", headers={}),
        Answer(b"\n<!-- a > b --><!---->\n<html><title>Sign in</title>", headers={}),
        Answer(b"<?xml version='1.0'?><!DOCTYPE html><title>Sign in</title>", headers={}),
        Answer(b"<title>Sign in</title>", headers={"Content-Type": "text/html; charset=utf-8"}),
    ],
)
def test_a_web_page_is_no_file(server, cache, answer):
    server.routes["/a"] = lambda _: answer
    with pytest.raises(DownloadError, match="sent a web page, 'Sign in', in place of the file"):
        bring(f"{server.address}/a")
    assert not locate_cached(f"{server.address}/a").exists()
    assert left_over(cache) == []


def test_many_comments_before_a_page_take_no_time(server):
    server.routes["/a"] = lambda _: Answer(b"<!-- a -->" * 20_000 + b"no page")
    assert bring(f"{server.address}/a").stat().st_size == 200_007


def test_a_part_that_was_not_asked_for_is_no_file(server):
    span = {"Content-Range": "bytes 0-99/1000"}
    server.routes["/a"] = lambda _: Answer(bytes(100), 206, span)
    with pytest.raises(DownloadError, match="status 206, though no part was asked for"):
        bring(f"{server.address}/a")


def test_a_pinned_hash_is_checked(server):
    server.routes["/a"] = serve_file(CONTENT)
    assert bring(f"{server.address}/a#sha256={SHA256}").read_bytes() == CONTENT
    assert bring(f"{server.address}/a", sha256=SHA256[:8]).read_bytes() == CONTENT


def test_a_wrong_hash_names_both_and_keeps_nothing(server, cache):
    server.routes["/a"] = serve_file(CONTENT)
    with pytest.raises(DownloadError) as caught:
        bring(f"{server.address}/a#sha256={'0' * 64}")
    assert SHA256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert not locate_cached(f"{server.address}/a").exists()
    assert left_over(cache) == []


def test_a_wrong_hash_leaves_the_file_that_was_there(server):
    server.routes["/a"] = serve_file(CONTENT)
    path = bring(f"{server.address}/a")
    server.routes["/a"] = serve_file(OTHER)
    with pytest.raises(DownloadError, match="nothing else was changed"):
        bring(f"{server.address}/a#sha256={SHA256}", again=True)
    assert path.read_bytes() == CONTENT


def test_a_documented_hash_holds_for_a_mirror(server, monkeypatch):
    monkeypatch.setenv("COMPOSER_MIRRORS", f"https://download.pytorch.org/={server.address}/")
    server.routes["/models/a_coco-00000000.pth"] = serve_file(CONTENT)
    with pytest.raises(
        DownloadError, match=f"{SHA256}, and should begin with 00000000, as its name"
    ):
        bring("https://download.pytorch.org/models/a_coco-00000000.pth")
    name = f"/models/a_coco-{SHA256[:8]}.pth"
    server.routes[name] = serve_file(CONTENT)
    assert bring(f"https://download.pytorch.org{name}").read_bytes() == CONTENT


def test_a_mirror_without_the_file_is_named(server, monkeypatch):
    monkeypatch.setenv("COMPOSER_MIRRORS", f"https://host.invalid/={server.address}/")
    message = rf"https://host.invalid/a.pth was not .*\(404\), asked .* {server.address}/a.pth\)"
    with pytest.raises(DownloadError, match=message):
        bring("https://host.invalid/a.pth")


def test_a_mirror_that_cannot_be_read_is_an_error(monkeypatch):
    monkeypatch.setenv("COMPOSER_MIRRORS", "nonsense")
    with pytest.raises(DownloadError, match="COMPOSER_MIRRORS"):
        bring("https://host/a.pth")


def test_a_file_put_there_by_hand_is_taken_and_noted(cache):
    address = "https://host.invalid/a.pth"
    path = locate_cached(address)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch(address, offline=True) == path
    assert find_cached(address).record.sha256 == SHA256


def test_a_file_put_there_by_hand_with_a_wrong_hash_stays(cache):
    address = f"https://host.invalid/a.pth#sha256={'0' * 64}"
    path = locate_cached(address)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    with pytest.raises(
        DownloadError, match=f"{SHA256}, and should be {'0' * 64}.*nothing was removed"
    ):
        bring(address)
    assert path.read_bytes() == CONTENT


def test_a_file_that_was_changed_in_the_cache_is_an_error(server):
    server.routes["/a"] = serve_file(CONTENT)
    path = bring(f"{server.address}/a")
    path.write_bytes(b"cut")
    with pytest.raises(DownloadError, match="has 3 bytes, and had 300000"):
        bring(f"{server.address}/a")


def test_another_content_of_the_same_address_is_told(server, caplog):
    server.routes["/a"] = serve_file(CONTENT)
    address = f"{server.address}/a"
    bring(address)
    remove_cached(find_cached(address))
    assert list_cached() == []
    server.routes["/a"] = serve_file(OTHER)
    assert bring(address).read_bytes() == OTHER
    assert "another file than on 20" in caplog.text
    assert SHA256 in caplog.text


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_offline_says_where_to_put_the_file(monkeypatch, value, server):
    monkeypatch.setenv("COMPOSER_OFFLINE", value)
    address = f"{server.address}/a.pth"
    with pytest.raises(DownloadError) as caught:
        bring(address)
    path = locate_cached(address)
    message = str(caught.value)
    assert all(part in message for part in (address, str(path.parent), "'a.pth'", "offline"))
    assert server.requests == []


def test_offline_can_be_switched_off(monkeypatch, server):
    monkeypatch.setenv("COMPOSER_OFFLINE", "0")
    server.routes["/a"] = serve_file(CONTENT)
    assert bring(f"{server.address}/a").is_file()


def test_without_fetching_takes_what_is_at_hand(server):
    server.routes["/a"] = serve_file(CONTENT)
    path = bring(f"{server.address}/a")
    with without_fetching("`composer show` fetches nothing"):
        assert bring(f"{server.address}/a") == path
        with pytest.raises(DownloadError, match="`composer show` fetches nothing"):
            bring(f"{server.address}/b")


def test_a_host_that_is_not_there_is_said_with_the_way_out():
    with pytest.raises(DownloadError, match=r"put it into .* under the name 'a.pth'"):
        bring("https://host.invalid/a.pth")


def test_a_server_that_is_not_there_is_said():
    with running_server() as gone:
        pass
    with pytest.raises(DownloadError, match="cannot be reached: Connection refused; tried 3 times"):
        bring(f"{gone.address}/a.pth")


def test_proxies_of_the_environment_are_used(server, monkeypatch):
    server.routes["http://127.0.0.1:9/a"] = serve_file(CONTENT)
    monkeypatch.setenv("http_proxy", server.address)
    assert bring("http://127.0.0.1:9/a").read_bytes() == CONTENT
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadError, match="refused"):
        bring("http://127.0.0.1:9/b")


def test_the_listing_has_what_is_there(server, cache):
    for name in ("b", "a"):
        server.routes[f"/{name}"] = serve_file(CONTENT)
        bring(f"{server.address}/{name}")
    assert [found.record.address[-2:] for found in list_cached()] == ["/a", "/b"]
    (cache / "downloads" / ".records" / "damaged.json").write_text("{")
    assert len(list_cached()) == 2


def test_a_cache_that_is_only_read_serves_its_files(server, cache):
    server.routes["/a"] = serve_file(CONTENT)
    path = bring(f"{server.address}/a")
    for folder in (cache, *(p for p in cache.rglob("*") if p.is_dir())):
        folder.chmod(0o555)
    try:
        assert bring(f"{server.address}/a") == path
    finally:
        for folder in (cache, *(p for p in cache.rglob("*") if p.is_dir())):
            folder.chmod(0o755)


FETCH = """
import sys
from composer.downloads import fetch
print(fetch(sys.argv[1]))
"""


def test_of_two_processes_one_fetches(server):
    server.routes["/a"] = lambda request: Answer(CONTENT[:40_000], pause=0.1)
    command = [sys.executable, "-c", FETCH, f"{server.address}/a"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0, 0], results
    assert results[0][0] == results[1][0]
    assert Path(results[0][0].strip()).read_bytes() == CONTENT[:40_000]
    assert server.count("/a") == 1


def test_a_process_that_is_killed_leaves_what_can_be_continued(server):
    whole = serve_file(CONTENT)

    def slow(request):
        answer = whole(request)
        return Answer(answer.body, answer.status, answer.headers, pause=0.05)

    server.routes["/a"] = in_turn(slow, whole)
    address = f"{server.address}/a"
    process = subprocess.Popen([sys.executable, "-c", FETCH, address], stderr=subprocess.DEVNULL)
    part = locate_cached(address).with_name(".a.part")
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None
    process.kill()
    process.wait()
    assert bring(address).read_bytes() == CONTENT
    assert server.requests[-1].headers.get("range", "").startswith("bytes=")


def test_records_are_plain_json(server, cache):
    server.routes["/a"] = serve_file(CONTENT)
    bring(f"{server.address}/a")
    (record,) = (cache / "downloads" / ".records").glob("*.json")
    assert set(json.loads(record.read_text())) == {
        "address", "file", "sha256", "size", "etag", "date",
    }  # fmt: skip
