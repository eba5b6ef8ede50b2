"""Every published model has the keys and shapes of detectron2's, as far as they are recorded."""

import pytest
import torch

from composer import Graph
from composer.catalogues import list_entries
from parity.configurations import read_configurations, read_lazy_configurations

ENTRIES = {entry.name: entry for entry in list_entries()}
FAST = {
    "detectron2/COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x",
    "detectron2/Misc/panoptic_fpn_R_101_dconv_cascade_gn_3x",
    "detectron2/ViTDet/LVIS/cascade_mask_rcnn_mvitv2_b_in21k_100ep",
    "torchvision/maskrcnn_resnet50_fpn_v2",
}


def read_state_dicts():
    """Keys and shapes by the name of the published model."""
    found = {}
    for name, one in {
        **read_configurations()["zoo"],
        **read_lazy_configurations()["zoo"],
    }.items():
        section, model = name.split("__")
        found[f"detectron2/{section.replace('ViTDet-', 'ViTDet/')}/{model}"] = one["state_dict"]
    return found


STATE_DICTS = read_state_dicts()


def build(entry):
    with torch.device("meta"):
        return Graph.from_spec(entry.document)


def test_most_key_lists_are_of_published_models():
    assert len(STATE_DICTS.keys() & ENTRIES.keys()) == 44


def test_every_published_model_of_detectron2_has_a_spec():
    ours = [entry for entry in ENTRIES.values() if entry.catalogue == "detectron2"]
    assert len(ours) == 99
    assert [entry.name for entry in ours if entry.document is None] == []


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in ENTRIES],
)
def test_a_published_model_has_its_keys_shapes_and_names(name):
    entry = ENTRIES[name]
    assert entry.document is not None, "no spec yet"
    graph = build(entry)
    if name in STATE_DICTS:
        found = {key: list(value.shape) for key, value in graph.state_dict().items()}
        assert found == STATE_DICTS[name]
    assert graph.spec.notes == ()
    assert graph.spec.metadata == entry.metadata
    assert entry.num_classes or entry.form.task == "proposals"
    assert graph.blueprint.image_format.channel_order in ("BGR", "RGB")


TORCHVISION = [name for name, entry in ENTRIES.items() if entry.catalogue == "torchvision"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_a_model_of_torchvision_takes_torchvisions_weights(name, tmp_path):
    """Of the right names: those of torchvision's own model, with random values."""
    from torchvision import models

    entry = ENTRIES[name]
    assert entry.document is not None, "no spec yet"
    made = models.get_model(name.split("/")[1], weights=None, weights_backbone=None)
    torch.save(made.state_dict(), tmp_path / "weights.pth")
    graph = Graph.from_spec(entry.document, weights=tmp_path / "weights.pth")
    assert graph.random_nodes == []
