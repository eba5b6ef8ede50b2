"""Schemes of addresses that plugins publish, and what their faults say."""

import pytest

from composer.downloads import locate_cached
from composer.errors import PluginError
from plugin_folder import plugin_folder

__all__ = ["plugin_folder"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def locate(address):\n    raise RuntimeError('broken')", "failed on .*: broken"),
        ("def locate(address):\n    return 5", "gave no address for "),
    ],
)
def test_a_plugin_that_fails_does_not_show_secrets(plugin_folder, code, message):
    entry = "[composer.addresses]\npets = pet_addresses:locate"
    plugin_folder.install("pet-addresses", entry, {"pet_addresses": code})
    with pytest.raises(PluginError, match=message) as caught:
        locate_cached("pets://somebody:password@shelter/cat.pth?token=abc")
    assert "pets://shelter/cat.pth" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("password", "abc"))
