"""From a spec to modules: checks everything that can be known first, then builds what is needed."""

from composer.construction.checking import (
    check_read,
    check_source,
    check_spec,
    find_image_format,
    list_addresses,
)
from composer.construction.class_names import (
    count_classes,
    find_first_class,
    require_class_names,
)
from composer.construction.modules import (
    build_modules,
    build_on_meta,
    check_taps,
    instantiate,
)
from composer.construction.settable import list_aliases, list_configuration, list_params

__all__ = [
    "build_modules",
    "build_on_meta",
    "check_read",
    "check_source",
    "check_spec",
    "check_taps",
    "count_classes",
    "find_first_class",
    "find_image_format",
    "instantiate",
    "list_addresses",
    "list_aliases",
    "list_configuration",
    "list_params",
    "require_class_names",
]
