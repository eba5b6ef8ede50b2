import socket
import subprocess
import sys

import pytest

NEEDED = "the extra 'transformers' is not installed"
WITHOUT = """
import sys
sys.modules["transformers"] = None
from composer.cli.main import main
sys.exit(main())
"""


def run(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_without_transformers_its_node_types_are_listed_and_described():
    result = run(WITHOUT, "nodes", "rt_detr_encoder")
    assert result.returncode == 0, result.stderr
    assert "Lets the places of the coarsest map attend" in result.stdout


def test_without_transformers_using_it_names_the_extra():
    result = run(WITHOUT, "check", "transformers/rt_detr")
    assert result.returncode == 1
    assert "pip install 'detection-composer[transformers]'" in result.stdout + result.stderr


@pytest.mark.slow
def test_telemetry_is_off_even_where_the_hub_was_imported_before():
    pytest.importorskip("transformers", reason=NEEDED)
    code = (
        "import huggingface_hub\n"
        "from composer_transformers.library import load_library\n"
        "load_library()\n"
        "from huggingface_hub import constants\n"
        "from huggingface_hub.utils import build_hf_headers\n"
        "print(constants.HF_HUB_DISABLE_TELEMETRY, build_hf_headers()['user-agent'])"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("True "), result.stdout


@pytest.mark.slow
def test_building_a_model_from_its_configuration_opens_no_connection(monkeypatch):
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.configuration import read_configuration
    from composer_transformers.parts import build_on_meta

    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    published = {
        "model_type": "detr",
        "backbone": "resnet50",
        "use_timm_backbone": True,
        "use_pretrained_backbone": True,
        "backbone_kwargs": {"in_chans": 3, "out_indices": [1, 2, 3, 4]},
    }
    for config in [published, {"model_type": "detr", "backbone": "resnet18"}]:
        model = build_on_meta(read_configuration(config))
        assert model.model.backbone.model is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "there is no model_type"),
        ({"model_type": "det"}, "model_type is 'det'. Did you mean 'detr'"),
        (
            {"model_type": "detr", "backbone": "someone/resnet", "use_timm_backbone": False},
            "^config: the backbone 'someone/resnet' is named without its configuration",
        ),
        ({"model_type": "detr", "d_model": "wide"}, "config: "),
    ],
)
def test_a_wrong_configuration_is_described(config, message):
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.configuration import read_configuration

    with pytest.raises(ValueError, match=message):
        read_configuration(config)
