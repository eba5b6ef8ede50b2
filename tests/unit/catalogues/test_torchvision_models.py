"""torchvision's published models find classes under torchvision's own names of them."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from composer.catalogues import published
from file_server import serve_file
from unit.cli.conftest import cli

__all__ = ["cli"]

CAT = 17  # a label of COCO; two labels before it have no class
# The layers that score classes, with the number of their logits for an anchor.
SCORES = {
    "ssdlite320_mobilenet_v3_large": ("head.classification_head.module_list", 91),
    "maskrcnn_resnet50_fpn_v2": ("roi_heads.box_predictor.cls_score", 91),
    "fcos_resnet50_fpn": ("head.classification_head.cls_logits", 91),
}


@pytest.fixture(params=SCORES)
def cats(request, server, monkeypatch):
    """The name of a model that finds nothing but cats, whose weights a local server has."""
    name = request.param
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = models.get_model(name, weights=None, weights_backbone=None)
    layer, num_logits = SCORES[name]
    for key, parameter in model.named_parameters():
        if key.startswith(layer) and key.endswith("bias") and len(parameter) % num_logits == 0:
            with torch.no_grad():
                parameter.view(-1, num_logits)[:, CAT] = 20.0
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    # The published addresses document a hash, which random weights cannot have.
    listed = models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(listed.value, "url", f"https://zoo.invalid/{name}.pth")
    published._read.cache_clear()
    server.routes[f"/{name}.pth"] = serve_file(file.getvalue())
    assert listed.meta["categories"][CAT] == "cat"
    return name


@pytest.mark.slow
def test_classes_have_their_own_names(cats, cli, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    given = [tmp_path / "a.png", "--model", f"torchvision/{cats}", "--weights", "default"]
    result = cli("predict", *given, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found
    assert {entry["category_name"] for entry in found} == {"cat"}
    assert {entry["category_id"] for entry in found} == {CAT}
