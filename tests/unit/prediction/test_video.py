import contextlib
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from composer.errors import InputError
from composer.images import is_visualization
from composer.prediction import Predictor
from composer.prediction.video import is_video, read_frames, read_rate, write_frames

pytest.importorskip("av")


def shades(count, size=(64, 48)):
    """Frames from dark to bright red."""
    for number in range(count):
        yield Image.new("RGB", size, (60 + 20 * number, 0, 0))


def brightness(image):
    return np.asarray(image)[:, :, 0].mean()


def test_frames_come_back_in_order_size_and_rate(tmp_path):
    file = write_frames(tmp_path / "deep" / "clip.mp4", shades(8), Fraction(10))
    frames = list(read_frames(file))
    assert read_rate(file) == 10
    assert [frame.size for frame in frames] == [(64, 48)] * 8
    levels = [brightness(frame) for frame in frames]
    assert levels == pytest.approx([60 + 20 * number for number in range(8)], abs=8)


def test_an_odd_row_or_column_is_left_out(tmp_path):
    file = write_frames(tmp_path / "clip.mp4", shades(2, size=(65, 49)), Fraction(10))
    assert next(read_frames(file)).size == (64, 48)


def test_a_video_is_looked_at_frame_by_frame(see_colors, tmp_path):
    file = write_frames(tmp_path / "clip.mp4", shades(5), Fraction(10))
    predictor = Predictor(see_colors(), score_threshold=0.0, batch_size=2)
    scores = [one.instances.scores[0].item() for one in predictor.stream(read_frames(file))]
    assert len(scores) == 5
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(140 / 255, abs=0.04)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.mp4", True), ("A.MOV", True), ("a.jpg", False), ("mp4", False), ("a.gif", False)],
)
def test_videos_are_known_by_their_names(name, expected):
    assert is_video(name) is expected


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no video at all")
    for read in (read_rate, lambda file: list(read_frames(file))):
        with pytest.raises(InputError, match=r"clip\.mp4: the video cannot be read"):
            read(tmp_path / "clip.mp4")
        with pytest.raises(InputError, match=r"gone\.mp4: the video cannot be read"):
            read(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
)
def test_a_playlist_opens_no_file_that_it_names(tmp_path, playlist):
    secret = write_frames(tmp_path / "secret.mp4", shades(2), Fraction(10))
    (tmp_path / "clip.mp4").write_text(playlist.format(secret.name))
    with pytest.raises(InputError, match=r"clip\.mp4: the video cannot be read"):
        list(read_frames(tmp_path / "clip.mp4"))


def test_drawn_videos_are_recognised_as_visualizations(tmp_path):
    file = write_frames(tmp_path / "clip.mp4", shades(30, size=(320, 240)), Fraction(10))
    assert is_visualization(file)


def test_a_folder_is_no_video(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    with pytest.raises(InputError, match=r"clip\.mp4: the video cannot be read: it is a folder"):
        read_rate(tmp_path / "clip.mp4")


def test_frames_of_too_many_pixels_are_refused(tmp_path, monkeypatch):
    file = write_frames(tmp_path / "clip.mp4", shades(2, size=(640, 480)), Fraction(10))
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "100k")
    with pytest.raises(InputError, match=r"clip\.mp4: .*COMPOSER_MAX_BYTES"):
        list(read_frames(file))


def test_a_video_that_ends_early_is_read_or_refused(tmp_path):
    file = write_frames(tmp_path / "clip.mkv", shades(8, size=(320, 240)), Fraction(10))
    content = file.read_bytes()
    for part in (0.1, 0.5, 0.9):
        file.write_bytes(content[: int(len(content) * part)])
        with contextlib.suppress(InputError):
            assert len(list(read_frames(file))) < 9


def test_a_file_without_pictures_is_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="there is no video in this file"):
        read_rate(tmp_path / "sound.mkv")


def test_a_video_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    with pytest.raises(InputError, match=r"clip\.mp4: the video cannot be written"):
        write_frames(tmp_path / "clip.mp4", shades(2), Fraction(10))


def test_nothing_is_left_of_a_video_that_is_broken_off(tmp_path):
    def stop_early():
        yield from list(shades(1)) * 100  # more than codecs keep back
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "clip.mp4", stop_early(), Fraction(10))
    assert list(tmp_path.iterdir()) == []


def test_without_pyav_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'detection-composer\[video\]'"):
        read_rate(tmp_path / "clip.mp4")
