"""`composer predict`: visualizations, data and messages."""

import json
import os
import shutil
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from composer import Graph
from composer.errors import InputError
from composer.language import SpecMetadata
from composer.prediction import Prediction, Predictor
from unit.prediction.conftest import SMALL_IMAGES

PETS = SpecMetadata(thing_classes=("cat", "dog"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "pets.safetensors"
    Graph.from_spec(SMALL_IMAGES).save(file, metadata=PETS)
    return file


@pytest.fixture
def images(folder, checkpoint):
    """A folder to work in, with a model, two images of one name and a broken one."""
    shutil.copy(checkpoint, folder / "pets.safetensors")
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    for name in ("a.jpg", "more/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(noise).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def predict(cli, *arguments):
    return cli("predict", "--model", "pets.safetensors", "--threshold", "0", *arguments)


def test_results_of_a_run_go_beside_its_folder(cli, images):
    run = images / "runs" / "x"
    run.mkdir(parents=True)
    (images / "pets.safetensors").rename(run / "model.safetensors")
    result = cli("predict", "--model", "runs/x", "a.jpg")
    assert result.code == 0
    assert [file.name for file in run.iterdir()] == ["model.safetensors"]
    assert (images / "runs" / "x-predictions" / "a.jpg").is_file()


def test_samples_that_are_black_and_white_are_an_option(cli, images):
    Image.fromarray(np.full((20, 30), 4095, dtype=np.uint16)).save("deep.png")
    result = predict(cli, "deep.png")
    assert result.code == 1
    assert "--sample-range 0,4095" in result.err
    assert predict(cli, "deep.png", "--sample-range", "0,4095").code == 0
    assert predict(cli, "deep.png", "--sample-range", "5,1").code == 2


def test_visualizations_and_predictions_are_saved(cli, images):
    result = predict(cli, "a.jpg", "more")
    assert result.code == 0
    assert result.out.count("a.jpg  ") == 2
    assert "saved 2 visualizations and runs/pets/predictions.json" in result.out.replace("\\", "/")
    results = images / "runs" / "pets"
    assert sorted(file.name for file in results.iterdir()) == [
        "a-2.jpg",
        "a.jpg",
        "predictions.json",
    ]
    entries = json.loads((results / "predictions.json").read_text())
    assert {entry["image_id"] for entry in entries} == {1, 2}
    assert {entry["file_name"] for entry in entries} == {"a.jpg", "more/a.jpg"}
    assert {entry["category_name"] for entry in entries} <= {"cat", "dog"}
    assert all(entry["segmentation"]["size"] == [60, 80] for entry in entries)


def test_values_of_the_model_are_set_by_address(cli, images):
    result = predict(cli, "a.jpg", "--json", "--set", "detections.max_per_image=1")
    assert result.code == 0
    assert len(json.loads(result.out)) == 1
    unknown = predict(cli, "a.jpg", "--json", "--set", "detections.max_per_imag=1")
    assert unknown.code != 0
    assert "Did you mean" in unknown.err


def test_images_in_the_folder_of_results_stay_as_they_are(cli, images):
    original = (images / "a.jpg").read_bytes()
    (images / "a-2.jpg").write_bytes(b"another image")
    result = predict(cli, "a.jpg", "--output", ".")
    assert result.code == 0
    assert (images / "a.jpg").read_bytes() == original
    assert (images / "a-2.jpg").read_bytes() == b"another image"
    assert (images / "a-3.jpg").exists()


def test_images_behind_links_stay_as_they_are(cli, images):
    original = (images / "a.jpg").read_bytes()
    (images / "links").mkdir()
    (images / "links" / "a.jpg").symlink_to(images / "a.jpg")
    assert predict(cli, "links", "--output", "links").code == 0
    assert (images / "a.jpg").read_bytes() == original
    assert (images / "links" / "a-2.jpg").exists()


def test_unreadable_files_are_reported_and_skipped(cli, images):
    result = predict(cli, "broken.jpg", "a.jpg", "-o", "found")
    assert result.code == 1
    assert "error: broken.jpg: not an image" in result.err
    assert (images / "found" / "a.jpg").is_file()


@pytest.fixture
def interrupted(monkeypatch):
    """Interrupts the command when it comes to an image called `stop.jpg`."""
    predict_all = Predictor.__call__

    def predict_until_interrupted(predictor, image, **options):
        if image.name == "stop.jpg":
            raise KeyboardInterrupt
        return predict_all(predictor, image, **options)

    monkeypatch.setattr(Predictor, "__call__", predict_until_interrupted)


def test_predictions_before_an_interruption_are_kept(cli, images, interrupted):
    shutil.copy("a.jpg", "stop.jpg")
    result = predict(cli, "a.jpg", "stop.jpg", "more", "-o", "found")
    assert result.code == 130
    assert "saved " in result.out
    results = images / "found"
    assert sorted(file.name for file in results.iterdir()) == ["a.jpg", "predictions.json"]
    entries = json.loads((results / "predictions.json").read_text())
    assert {entry["file_name"] for entry in entries} == {"a.jpg"}


def test_a_list_that_is_printed_ends_when_it_is_interrupted(cli, images, interrupted):
    shutil.copy("a.jpg", "stop.jpg")
    result = predict(cli, "a.jpg", "stop.jpg", "--json")
    assert result.code == 130
    assert {entry["file_name"] for entry in json.loads(result.out)} == {"a.jpg"}


def test_predictions_are_written_down_image_by_image(cli, images, monkeypatch):
    """Whatever ends the process, earlier images are in the unfinished file."""
    unfinished = images / "found" / "predictions.json.part"
    lengths = []

    def note(prediction, **_options):
        lengths.append(unfinished.stat().st_size)
        return prediction.image

    monkeypatch.setattr(Prediction, "draw", note)
    assert predict(cli, "a.jpg", "more", "-o", "found").code == 0
    assert 0 < lengths[0] < lengths[1]
    assert not unfinished.exists()


def test_the_file_is_json_as_it_is_usually_written(cli, images):
    assert predict(cli, "a.jpg", "more", "-o", "found").code == 0
    text = (images / "found" / "predictions.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1) + "\n"
    assert cli("predict", "-m", "pets.safetensors", "-t", "1", "a.jpg", "-o", "none").code == 0
    assert (images / "none" / "predictions.json").read_text() == "[]\n"


def test_a_visualization_that_cannot_be_drawn_is_not_called_saved(cli, images, monkeypatch):
    def refuse(_prediction, **_options):
        raise InputError("outputs without anything to draw")

    monkeypatch.setattr(Prediction, "draw", refuse)
    result = predict(cli, "a.jpg", "-o", "found")
    assert result.code == 1
    assert "error: outputs without anything to draw" in result.err
    assert "saved found/predictions.json" in result.out.replace("\\", "/")


def test_json_is_printed_alone_and_nothing_is_written(cli, images):
    before = sorted(images.rglob("*"))
    result = predict(cli, "a.jpg", "--json")
    assert json.loads(result.out)[0]["file_name"] == "a.jpg"
    assert sorted(images.rglob("*")) == before
    assert predict(cli, "a.jpg", "--json", "-o", "x").code == 2


def test_large_images_are_read_without_a_warning(cli, images, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 80 - 1)
    result = predict(cli, "a.jpg", "--no-visualizations", "-o", "found")
    assert (result.code, result.err.count("\n")) == (0, 1)  # the line on what was applied


def test_without_visualizations_there_are_only_predictions(cli, images):
    assert predict(cli, "a.jpg", "--no-visualizations", "-o", "found").code == 0
    assert [file.name for file in (images / "found").iterdir()] == ["predictions.json"]


def test_the_threshold_leaves_instances_out(cli, images):
    result = cli("predict", "-m", "pets.safetensors", "-t", "1", "a.jpg")
    assert "a.jpg  nothing found" in result.out
    assert cli("predict", "-t", "50", "a.jpg").code == 2


def test_other_files_in_a_folder_are_named(cli, images):
    folder = images / "mixed"
    folder.mkdir()
    shutil.copy("a.jpg", folder)
    (folder / "notes.txt").write_text("no image")
    result = predict(cli, "mixed")
    assert result.code == 0
    assert "no images or videos by their names: notes.txt" in result.err


def test_a_folder_that_cannot_be_made_is_found_before_the_work(cli, images):
    (images / "taken").write_text("")
    result = predict(cli, "a.jpg", "-o", "taken")
    assert result.code == 1
    assert "taken cannot be the folder of results: a file" in result.err
    assert "a.jpg" not in result.out


def test_without_files_the_example_is_used(cli, images):
    result = predict(cli, "--json")
    assert "no files: predicting on the example" in result.err
    assert json.loads(result.out)[0]["file_name"].endswith("astronaut.jpg")


def test_the_model_that_ships_is_the_usual_one(cli, images, monkeypatch):
    monkeypatch.setattr("composer.discovery.installed.shipped_folder", lambda _: images / "models")
    result = cli("predict", "a.jpg")
    assert result.code == 1
    assert "there is no model 'people'" in result.err
    (images / "models" / "people").mkdir(parents=True)
    shutil.move("pets.safetensors", images / "models" / "people" / "model.safetensors")
    assert cli("predict", "a.jpg").code == 0
    assert (images / "runs" / "people" / "a.jpg").is_file()


def test_videos_are_drawn_and_written_down_by_frame(cli, images):
    pytest.importorskip("av")
    from composer.prediction.video import read_frames, write_frames

    with Image.open("a.jpg") as image:
        write_frames("clip.mp4", [image.convert("RGB")] * 3, Fraction(5))
    result = predict(cli, "clip.mp4", "a.jpg")
    assert result.code == 0
    assert "clip.mp4  3 frames, at most " in result.out
    assert len(list(read_frames("runs/pets/clip.mp4"))) == 3
    entries = json.loads((images / "runs" / "pets" / "predictions.json").read_text())
    frames = {(entry["file_name"], entry.get("frame"), entry["image_id"]) for entry in entries}
    assert frames == {
        ("clip.mp4", 1, 1),
        ("clip.mp4", 2, 2),
        ("clip.mp4", 3, 3),
        ("a.jpg", None, 4),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.jpg"], "gone.jpg: there is no such file or folder"),
        (["empty"], "empty: there are no images and no videos in this folder"),
        (["a.jpg", "-m", "mask_rcnn_r50_fpn"], "would predict at random"),
        (["a.jpg", "--device", "nowhere"], "the device 'nowhere' cannot be used"),
    ],
)
def test_mistakes_end_in_a_message(cli, images, arguments, message):
    (images / "empty").mkdir()
    result = predict(cli, *arguments)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


def test_colours_and_background_of_visualizations_are_chosen(cli, images):
    assert predict(cli, "a.jpg", "-o", "plain").code == 0
    assert predict(cli, "a.jpg", "-o", "gray", "--background", "gray").code == 0
    assert predict(cli, "a.jpg", "-o", "each", "--color-by", "instance").code == 0
    drawings = {name: (images / name / "a.jpg").read_bytes() for name in ("plain", "gray", "each")}
    assert len(set(drawings.values())) == 3


def test_a_folder_has_visualizations_hidden_files_and_names_of_any_bytes(cli, images):
    photos = images / "photos"
    photos.mkdir()
    name = os.fsdecode(b"caf\xe9\x1b[1m.jpg")
    shutil.copy("a.jpg", photos / name)
    (photos / "._a.jpg").write_bytes(b"\0\5\x16\7")
    (photos / "notes.txt").touch()
    for _ in range(2):
        result = predict(cli, "photos", "--output", "photos")
        assert result.code == 0
        assert result.out.count("caf\\xe9\\x1b[1m.jpg  ") == 1
        assert "no images or videos by their names: notes.txt" in result.err
    assert "visualizations of predictions, passed over: caf\\xe9\\x1b[1m-2.jpg" in result.err
    entries = json.loads((photos / "predictions.json").read_text())
    assert {entry["file_name"] for entry in entries} == {f"photos/{name}"}
    assert os.path.exists(entries[0]["file_name"])


@pytest.mark.slow
def test_predictions_are_a_row_an_image_in_parquet(cli, images):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is missing")
    options = ("a.jpg", "broken.jpg", "more/a.jpg", "--output-format", "parquet")
    result = predict(cli, *options, "-o", "out", "--no-visualizations")
    assert (result.code, "not an image" in result.err) == (1, True)
    predict(cli, "a.jpg", "-o", "json", "--no-visualizations")
    expected = json.loads((images / "json" / "predictions.json").read_text())
    table = parquet.read_table("out/predictions.parquet")
    first, bad, third = table.to_pylist()
    assert (bad["file_name"], bad["boxes"]) == ("broken.jpg", None)
    assert "not an image" in bad["error"]
    assert first["boxes"] == third["boxes"]
    assert [*map(len, (first["boxes"], first["scores"], first["masks"]))] == [len(expected)] * 3
    for place, one in enumerate(expected):
        x0, y0, x1, y1 = first["boxes"][place]
        assert [x0, y0, x1 - x0, y1 - y0] == pytest.approx(one["bbox"], abs=1e-4)
        assert first["scores"][place] == pytest.approx(one["score"])
        assert first["class_names"][place] == one["category_name"]
        assert first["category_ids"][place] == one["category_id"]
        assert first["masks"][place] == one["segmentation"]["counts"]
    assert b"composer.weights_hash" in table.schema.metadata


@pytest.mark.slow
def test_predictions_in_shards_are_those_of_one_file(cli, images):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is missing")
    options = ("a.jpg", "more/a.jpg", "--output-format", "parquet", "--no-visualizations")
    predict(cli, *options, "-o", "whole")
    for shard in ("0/2", "1/2", "1/2"):
        assert predict(cli, *options, "-o", "out", "--shard", shard, "--resume").code == 0
    rows = [
        row
        for file in sorted((images / "out").glob("*.parquet"))
        for row in parquet.read_table(file).to_pylist()
    ]
    assert rows == parquet.read_table("whole/predictions.parquet").to_pylist()
    wrong = cli("predict", "a.jpg", "--shard", "0/2")
    assert (wrong.code, "are for --output-format parquet" in wrong.err) == (2, True)
