import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a file, and gives its path."""

    def write_text(text, name="config.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write_text
