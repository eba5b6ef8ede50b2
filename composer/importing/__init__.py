"""Imports detectron2's configurations: `import_config(path)` returns a spec of our blocks.

Those of its older kind are read here, those that LazyConfig writes in `lazy`.
`read_import` returns an account of every key, too.
"""

from composer.importing.account import Account
from composer.importing.imported import Imported, import_config, read_import
from composer.importing.spec_text import (
    list_assumed,
    list_not_carried_over,
    list_wanted,
)

__all__ = [
    "Account",
    "Imported",
    "import_config",
    "list_assumed",
    "list_not_carried_over",
    "list_wanted",
    "read_import",
]
