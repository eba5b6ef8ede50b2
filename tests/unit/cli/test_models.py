"""`composer models` lists what is published, and keeps the cache."""

import json

import pytest

from file_server import serve_file
from unit.catalogues.conftest import plugin_folder, server, zoo

__all__ = ["plugin_folder", "server", "zoo"]


def test_models_are_listed_with_their_source_and_licence(cli, zoo):
    result = cli("models")
    assert result.code == 0, result.err
    assert "tiny: a zoo of tiny models\n  licence of the weights: CC0" in result.out
    assert "box AP 12.5" in result.out
    assert "unknown; no spec yet" in result.out
    assert "detectron2/COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x" in result.out
    assert "torchvision/maskrcnn_resnet50_fpn_v2" in result.out


def test_models_as_json(cli, zoo):
    result = cli("models", "--json")
    found = {row["name"]: row for row in json.loads(result.out)}
    assert found["tiny/Boxes/tiny_1x"] == {
        "name": "tiny/Boxes/tiny_1x",
        "task": "detection",
        "dataset": "shapes",
        "num_classes": 3,
        "metrics": {"box AP": 12.5},
        "schedule": None,
        "size": None,
        "spec": "tiny-zoo/tiny_zoo_spec",
        "weights": "https://zoo.invalid/weights/tiny_1x.safetensors",
        "is_default": False,
        "catalogue": "tiny",
        "licence": "CC0",
    }
    assert found["tiny/Boxes/specless"]["spec"] is None


def test_one_model_is_described(cli, zoo):
    result = cli("models", "tiny_1x")
    assert result.code == 0, result.err
    assert "composer predict IMAGE --model tiny/Boxes/tiny_1x" in " ".join(result.out.split())
    assert "unknown" in result.out
    assert json.loads(cli("models", "tiny_1x", "--json").out)[0]["name"] == "tiny/Boxes/tiny_1x"


def test_a_section_is_listed(cli, zoo):
    names = [row["name"] for row in json.loads(cli("models", "tiny/Other", "--json").out)]
    assert names == ["tiny/Other/tiny_3x"]
    listed = cli("models", "Boxes")
    assert "tiny/Boxes/specless" in listed.out
    assert "Other" not in listed.out
    wrong = cli("models", "Boxes", "--task", "keypoints")
    assert "no published model of 'Boxes' has the task 'keypoints'" in wrong.err


def test_a_model_of_the_name_of_its_spec_is_run_with_default_weights(cli, zoo):
    result = cli("models", "torchvision/fcos_resnet50_fpn")
    assert "--model torchvision/fcos_resnet50_fpn --weights default" in " ".join(result.out.split())


def test_models_of_a_task(cli, zoo):
    result = cli("models", "--task", "keypoints", "--json")
    assert {row["task"] for row in json.loads(result.out)} == {"keypoints"}
    wrong = cli("models", "--task", "keypoint detection")
    assert wrong.code == 1
    assert "Tasks: " in wrong.err or "Did you mean" in wrong.err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny_1y", "Did you mean 'tiny/Boxes/tiny_1x'"),
        ("tiny_3x", "tiny/Boxes/tiny_3x, tiny/Other/tiny_3x"),
    ],
)
def test_unknown_and_ambiguous_names(cli, zoo, name, message):
    for command in (["models"], ["models", "fetch"], ["models", "where"], ["predict", "--model"]):
        result = cli(*command, name)
        assert result.code == 1
        assert message in result.err


def test_sizes_come_from_the_server_when_asked(cli, server):
    server.routes["/weights/tiny_1x.safetensors"] = serve_file(bytes(5000))
    assert json.loads(cli("models", "tiny_1x", "--json").out)[0]["size"] is None
    assert server.requests == []
    asked = json.loads(cli("models", "tiny_1x", "--sizes", "--json").out)
    assert asked[0]["size"] == 5000
    assert [request.method for request in server.requests] == ["HEAD"]
    offline = cli("models", "tiny_1x", "--sizes", "--offline", "--json")
    assert json.loads(offline.out)[0]["size"] is None
    assert "is not asked for (--offline)" in offline.err


def test_files_are_fetched_listed_and_removed(cli, server, caplog):
    server.routes["/weights/tiny_1x.safetensors"] = serve_file(b"first")
    empty = cli("models", "list")
    assert "the cache is empty" in empty.out
    where = cli("models", "where", "tiny_1x").out.strip()
    fetched = cli("models", "fetch", "tiny_1x")
    assert (fetched.code, fetched.out.strip()) == (0, where)
    assert "sha256 a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e" in caplog.text
    assert "https://zoo.invalid/weights/tiny_1x.safetensors" in cli("models", "list").out
    assert json.loads(cli("models", "list", "--json").out)[0]["size"] == 5
    assert "in the cache  " + where in cli("models", "tiny_1x").out
    server.routes["/weights/tiny_1x.safetensors"] = serve_file(b"second")
    assert cli("models", "fetch", "tiny_1x").code == 0
    again = cli("models", "fetch", "tiny_1x", "--again")
    assert again.code == 0
    assert "another file than on" in caplog.text
    removed = cli("models", "rm", "Boxes/tiny_1x")
    assert removed.out == f"removed {where}\n"
    assert "the cache is empty" in cli("models", "list").out
    gone = cli("models", "rm", "tiny_1x")
    assert gone.code == 1
    assert "not in the cache" in gone.err


def test_the_default_weights_of_a_spec_are_fetched_by_its_name(cli, server):
    server.routes["/weights/tiny_3x.safetensors"] = serve_file(b"content")
    assert cli("models", "fetch", "tiny_zoo_spec").code == 0
    assert server.count("/weights/tiny_3x.safetensors") == 1


def test_files_that_were_damaged_in_the_cache_can_be_removed(cli, server):
    server.routes["/weights/tiny_1x.safetensors"] = serve_file(b"content")
    path = cli("models", "fetch", "tiny_1x").out.strip()
    with open(path, "wb") as file:
        file.write(b"cut")
    assert cli("models", "fetch", "tiny_1x").code == 1
    assert cli("models", "rm", path).code == 0
    assert cli("models", "fetch", "tiny_1x").code == 0


def test_removing_needs_to_be_told_what(cli, server):
    assert cli("models", "rm").code == 2
    server.routes["/weights/tiny_1x.safetensors"] = serve_file(b"content")
    cli("models", "fetch", "tiny_1x")
    assert cli("models", "rm", "--all").code == 0
    assert "the cache is empty" in cli("models", "list").out


def test_the_folder_of_the_cache_is_printed(cli, server, tmp_path):
    assert cli("models", "where").out.strip() == str(tmp_path / "cache" / "downloads")


def test_own_schemes_of_the_zoos(cli, server):
    where = lambda name: cli("models", "where", name).out.strip()  # noqa: E731
    assert where("detectron2://ImageNetPretrained/MSRA/R-50.pkl").endswith("R-50.pkl")
    long = "COCO-Detection/faster_rcnn_R_50_FPN_3x"
    assert where(f"detectron2://{long}") == where(f"detectron2/{long}")
    assert where("torchvision://fcos_resnet50_fpn") == where("torchvision/fcos_resnet50_fpn")
    assert where("torchvision://resnet50/IMAGENET1K_V2").endswith("resnet50-11ad3fa6.pth")
    for wrong, message in {
        "detectron2://COCO-Detection/faster_rcnn_R_50_FPN_4x": "Did you mean 'detectron2://COCO",
        "torchvision://resnet51": "no model 'resnet51'. Did you mean 'torchvision://resnet",
        "torchvision://resnet50/OTHER": "the weights IMAGENET1K_V1",
    }.items():
        result = cli("models", "where", wrong)
        assert result.code == 1
        assert message in result.err


def test_listing_and_help_import_no_torch():
    import subprocess
    import sys

    code = (
        "import sys\nfrom composer.cli.main import main\nmain(['models', '--help'])\n"
        "print('torch' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
