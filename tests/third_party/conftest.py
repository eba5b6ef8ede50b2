"""What the tests of broken heads share.

The plugin's own tests run where the plugin is installed: see tests/packaging/test_third_party.py.
"""

import pytest

from composer import ConformanceError
from composer.structures import TensorShape
from composer.testing import check_node_type, random_regions

collect_ignore_glob = ["*/tests/*"]


@pytest.fixture
def find_reasons():
    """Runs the conformance check on pooled regions, and gives its reasons."""

    def find(target, **options):
        pooled = TensorShape(channels=8, height=14, width=14)
        inputs = {"x": random_regions(pooled)}
        try:
            check_node_type(target, inputs, shapes={"x": pooled}, **options)
        except ConformanceError as error:
            return list(error.reasons)
        return []

    return find
