import pytest
import yaml


@pytest.fixture
def write(tmp_path):
    """Writes a file, and gives its path."""

    def write_text(text, name="config.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write_text


@pytest.fixture
def config(write):
    """Writes a configuration of dotted keys."""

    def write_config(keys, **more):
        document = {}
        for key, value in {**keys, **more}.items():
            *sections, name = key.split(".")
            inner = document
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[name] = value
        return write(yaml.safe_dump(document), "my-model.yaml")

    return write_config
