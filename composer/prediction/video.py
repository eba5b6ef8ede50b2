"""Videos, frame by frame, with PyAV: `pip install 'detection-composer[video]'`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from composer.errors import InputError
from composer.escapes import escape_name
from composer.files import written_whole
from composer.images import VISUALIZATION_MARK
from composer.limits import ExpansionError, check_expansion, max_expansion
from composer.regular_files import find_special_kind, open_regular_file

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")

_CODECS = ("libx264", "mpeg4")  # the first that this build of PyAV has
_USUAL_RATE = Fraction(25)
_FORMATS = ("avi", "matroska", "webm", "mov", "mp4", "mpeg", "mpegts", "mpegvideo", "m4v")
_PIXEL_BYTES = 12  # of a frame as it is decoded, as Pillow's image and as an array


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a video by its name."""
    return Path(path).suffix.lower() in SUFFIXES


def read_rate(path: str | os.PathLike[str]) -> Fraction:
    """Frames a second.

    Raises:
        InputError: PyAV is not installed, or the file is no video.
    """
    with _opened_video(path) as (_, stream):
        return Fraction(stream.average_rate or _USUAL_RATE)


def read_frames(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The frames of a video one after the other, RGB and upright.

    Args:
        path: the file.

    Raises:
        InputError: PyAV is not installed, or the file is no video, damaged, or has frames of more
            pixels than `composer.limits` allows.
    """
    with _opened_video(path) as (container, stream):
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            image: Image.Image = frame.to_image()
            turn = getattr(frame, "rotation", 0)  # of cameras that were held upright
            yield image.rotate(turn, expand=True) if turn else image


@contextmanager
def _opened_video(path: str | os.PathLike[str]) -> Iterator[tuple[Any, Any]]:
    """Opens a file, and nothing that the file names: playlists and addresses are refused."""
    av, source = _import_av(), escape_name(os.fspath(path))
    if not Path(path).is_file():
        kind = find_special_kind(path)
        found = "there is no such file" if kind is None else f"it is {kind}"
        raise InputError(f"{source}: the video cannot be read: {found}")
    options = {"format_whitelist": ",".join(_FORMATS), "protocol_whitelist": "file"}
    try:
        with open_regular_file(path) as file, av.open(file, options=options) as container:
            stream = _first_stream(container, source)
            size = os.fstat(file.fileno()).st_size
            context = stream.codec_context
            check_expansion(source, size=size, needed=context.width * context.height * _PIXEL_BYTES)
            # Frames may become larger than the head says.
            context.options = {"max_pixels": str(max_expansion(size) // _PIXEL_BYTES)}
            yield container, stream
    except ExpansionError as error:
        raise InputError(str(error)) from None
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or error
        raise InputError(f"{source}: the video cannot be read: {reason}") from error


def write_frames(
    path: str | os.PathLike[str], frames: Iterable[Image.Image], rate: Fraction
) -> Path:
    """Writes images of one size as a video. An unfinished one leaves no file.

    Args:
        path: the file; its folder is made.
        frames: the images, RGB. An odd row or column at the end is left out, which codecs want.
        rate: frames a second.

    Raises:
        InputError: PyAV is not installed or has no codec, or the file cannot be written.
    """
    av, file = _import_av(), Path(path)
    try:
        with written_whole(file) as unfinished:
            _encode(av, unfinished, frames, rate)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{file}: the video cannot be written: {error}") from error
    return file


def _encode(av: Any, file: Path, frames: Iterable[Image.Image], rate: Fraction) -> None:
    stream = None
    with av.open(os.fspath(file), "w") as container:
        container.metadata["comment"] = VISUALIZATION_MARK
        for image in frames:
            width, height = (side - side % 2 for side in image.size)
            if stream is None:
                stream = container.add_stream(_choose_codec(av), rate=rate)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            even = image.crop((0, 0, stream.width, stream.height))
            container.mux(stream.encode(av.VideoFrame.from_image(even)))
        if stream is not None:
            container.mux(stream.encode(None))


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"videos need PyAV, which cannot be imported ({error}): "
            "pip install 'detection-composer[video]'"
        ) from error
    return av


def _first_stream(container: Any, source: str) -> Any:
    if not container.streams.video:
        raise InputError(f"{source}: there is no video in this file")
    return container.streams.video[0]


def _choose_codec(av: Any) -> str:
    found = next((codec for codec in _CODECS if codec in av.codecs_available), None)
    if found is None:
        raise InputError(f"this build of PyAV can write none of {', '.join(_CODECS)}")
    return found
