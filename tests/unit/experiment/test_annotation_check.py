"""What a model learns has to be annotated, and what is joined counts as one dataset."""

import json

import pytest

from composer.errors import InputError
from composer.experiment import check_experiment, load_experiment
from composer.experiment.datasets import open_experiment_data
from composer.experiment.model import fit_spec
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

_OF_PROPOSALS = """\
    rpn_batch_size_per_image: 4096
    rpn_post_nms_topk_training: 20
"""


def _load(folder, spec, datasets="[shapes]", text=EXPERIMENT):
    text = text.replace("spec: rpn_r50_fpn", f"spec: {spec}").replace(_OF_PROPOSALS, "")
    text = text.replace("train:\n  datasets: [shapes]", f"train:\n  datasets: {datasets}")
    return load_experiment(write_experiment(folder, text))


def _without(folder, *names):
    """The annotations of the shapes without some of their entries."""
    document = json.loads((folder / "shapes" / "instances.json").read_text())
    for entry in (*document["annotations"], *document["categories"]):
        for name in names:
            entry.pop(name, None)
    (folder / "shapes" / "less.json").write_text(json.dumps(document))


_LESS = EXPERIMENT.replace(
    "train:\n",
    "  less:\n    uses: coco\n"
    '    with: {annotations: "${data}/less.json", images: "${data}/images"}\ntrain:\n',
    1,
).replace("evaluation: {metrics: [], losses: true}\n", "")


@pytest.mark.parametrize(
    ("spec", "learnt"),
    [
        ("mask_rcnn_r50_fpn", "masks (node 'roi_heads.mask_loss')"),
        ("torchvision/maskrcnn_resnet50_fpn", "masks (node"),
        ("keypoint_rcnn_r50_fpn", "keypoints (node 'roi_heads.keypoint_loss')"),
        ("semantic_r50_fpn", "classes of pixels (node"),
    ],
)
def test_what_is_learnt_has_to_be_annotated(tmp_path, spec, learnt):
    write_experiment(tmp_path)
    _without(tmp_path, "segmentation")
    text = _LESS
    if spec.startswith("torchvision"):
        text = text[: text.index("set:")] + text[text.index("datasets:\n") :]
    with pytest.raises(InputError) as caught:
        check_experiment(_load(tmp_path, spec, "[less]", text))
    assert f"is trained on {learnt}" in str(caught.value)
    assert "the dataset 'less' has none" in str(caught.value)


def test_masks_of_some_of_the_datasets_suffice(tmp_path):
    write_experiment(tmp_path)
    _without(tmp_path, "segmentation")
    assert check_experiment(_load(tmp_path, "mask_rcnn_r50_fpn", "[less, shapes]", _LESS))


def test_order_of_datasets_does_not_decide_about_keypoints(tmp_path):
    experiment = write_experiment(tmp_path, _LESS)
    document = json.loads((tmp_path / "shapes" / "instances.json").read_text())
    for category in document["categories"]:
        category |= {"keypoints": ["head", "tail"], "skeleton": []}
    for one in document["annotations"]:
        one |= {"keypoints": [1, 1, 2, 2, 2, 2], "num_keypoints": 2}
    (tmp_path / "shapes" / "instances.json").write_text(json.dumps(document))
    _without(tmp_path, "keypoints", "num_keypoints", "skeleton")
    assert experiment.exists()
    for order in ("[less, shapes]", "[shapes, less]"):
        loaded = _load(tmp_path, "keypoint_rcnn_r50_fpn", order, _LESS)
        images = open_experiment_data(loaded)
        assert images.metadata.keypoint_names == ("head", "tail")
        assert fit_spec(loaded, images.metadata).params["num_keypoints"] == 2


def test_images_that_are_left_out_do_not_count(tmp_path):
    file = write_experiment(tmp_path)
    document = json.loads((tmp_path / "shapes" / "instances.json").read_text())
    left = document["images"][0]["id"]
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] != left]
    (tmp_path / "shapes" / "instances.json").write_text(json.dumps(document))
    assert len(open_experiment_data(load_experiment(file)).train) == 7
    assert "training set: 7 images" in check_experiment(load_experiment(file))[1]
