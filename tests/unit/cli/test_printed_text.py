"""Everything that commands print goes through one stream, which escapes control characters."""

import errno
import io
import json
import logging
import os
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import click
import pytest
from PIL import Image

from composer.cli.printed_text import PrintedStream, printing_plainly
from composer.images import opened_image

HOSTILE = "\x1b]0;owned\x07\x1b[2Jx\u202egpj"


@contextmanager
def captured():
    """The streams of the process replaced; pytest's own are set anew for each phase of a test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        yield out, err


def test_every_way_of_printing_is_escaped():
    with captured() as streams, printing_plainly():
        click.echo(HOSTILE)
        print(HOSTILE)
        sys.stdout.writelines([HOSTILE])
        click.echo(HOSTILE, err=True)
        logging.getLogger("composer.images").warning(HOSTILE)
    for stream in streams:
        assert "x\\u202egpj" in stream.getvalue()
        assert not any(char in stream.getvalue() for char in "\x1b\x07\u202e")


def test_streams_are_put_back():
    with captured() as (out, _):
        with pytest.raises(ZeroDivisionError), printing_plainly():
            raise ZeroDivisionError
        assert sys.stdout is out


def test_bars_of_progress_pass():
    with captured() as (_, err), printing_plainly():
        sys.stderr.write("\r 5%")
        sys.stderr.write("\r")
    assert err.getvalue() == "\r 5%\r"


def test_what_a_stream_cannot_encode_is_escaped():
    binary = io.BytesIO()
    stream = PrintedStream(io.TextIOWrapper(binary, encoding="ascii"))
    stream.write("Käfer \udce9")
    stream.flush()
    assert binary.getvalue() == b"K\\xe4fer \\xe9"
    assert not hasattr(stream, "buffer")
    with pytest.raises(TypeError):
        stream.write(b"")


def test_file_names_are_escaped_and_found_again(cli, folder):
    name = os.fsdecode(b"caf\xe9\x1b[31m\n.png")
    (folder / "photos").mkdir()
    Image.new("RGB", (48, 32)).save(folder / "photos" / name)
    (folder / "photos" / ("broken" + name)).write_bytes(b"")
    result = cli("data", "check", "photos")
    assert result.code == 1
    assert "brokencaf\\xe9\\x1b[31m\\n.png: it is empty" in result.err + result.out
    assert "\x1b" not in result.out + result.err
    shown = json.loads(cli("data", "check", "photos", "--json").out)
    assert json.dumps(f"broken{name}") in json.dumps(shown)


def test_names_of_classes_are_escaped(cli, folder):
    (folder / "images").mkdir()
    Image.new("RGB", (48, 32)).save(folder / "images/a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png", "height": 32, "width": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [1, 1, 9, 9]}],
        "categories": [{"id": 9, "name": HOSTILE}],
    }
    (folder / "a.json").write_text(json.dumps(document))
    for command in ("check", "show", "list"):
        result = cli("data", command, "a.json", "--images", "images")
        assert "\x1b" not in result.out + result.err
        assert "Traceback" not in result.err


def test_warnings_of_pillow_name_the_file_and_no_source(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    place = (UserWarning, "/lib/PIL/TiffImagePlugin.py", 3, "warnings.warn(str(msg))")
    with printing_plainly():
        outside = warnings.formatwarning("Truncated File Read", *place)
        with opened_image(tmp_path / "a.png"):
            inside = warnings.formatwarning("Truncated File Read", *place)
    assert outside == "warning: Truncated File Read\n"
    assert inside == f"warning: {tmp_path / 'a.png'}: Truncated File Read\n"
    assert "  warnings.warn" in warnings.formatwarning("Truncated File Read", *place)


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_output_that_cannot_be_written_is_named():
    stream = PrintedStream(FullDisk())
    with pytest.raises(OSError, match="standard output") as caught:
        stream.flush()
    assert (caught.value.filename, caught.value.errno) == ("standard output", errno.ENOSPC)
