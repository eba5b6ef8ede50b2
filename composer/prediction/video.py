"""Videos, frame by frame, with PyAV: `pip install 'detection-composer[video]'`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from composer.errors import InputError
from composer.files import written_whole

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")

_CODECS = ("libx264", "mpeg4")  # the first that this build of PyAV has
_USUAL_RATE = Fraction(25)


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a video by its name."""
    return Path(path).suffix.lower() in SUFFIXES


def read_rate(path: str | os.PathLike[str]) -> Fraction:
    """Frames a second.

    Raises:
        InputError: PyAV is not installed, or the file is no video.
    """
    av, source = _import_av(), os.fspath(path)
    try:
        with av.open(source) as container:
            return Fraction(_first_stream(container, source).average_rate or _USUAL_RATE)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{source}: the video cannot be read: {error}") from error


def read_frames(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The frames of a video one after the other, RGB and upright.

    Args:
        path: the file.

    Raises:
        InputError: PyAV is not installed, or the file is no video or damaged.
    """
    av, source = _import_av(), os.fspath(path)
    try:
        with av.open(source) as container:
            stream = _first_stream(container, source)
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                image: Image.Image = frame.to_image()
                turn = getattr(frame, "rotation", 0)  # of cameras that were held upright
                yield image.rotate(turn, expand=True) if turn else image
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{source}: the video cannot be read: {error}") from error


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
