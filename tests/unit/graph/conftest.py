import pytest

import composer.executor as executor


@pytest.fixture
def ran(monkeypatch):
    """Paths of the nodes that were called, without a hook: those would not be kept."""
    paths, call = [], executor._call

    def watched(step, *rest):
        paths.append(step.node.path)
        return call(step, *rest)

    monkeypatch.setattr(executor, "_call", watched)
    return paths
