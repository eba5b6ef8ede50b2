"""Configuration of Sphinx. `make docs` builds; nothing here needs a network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "detection-composer"
author = "the detection-composer authors"
project_copyright = author
release = version = installed_version("detection-composer")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "model_listing",
    "node_type_listing",
]
exclude_patterns = ["_build", "decisions/template.md"]
nitpicky = True

html_theme = "furo"
html_title = f"detection-composer {release}"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True

# Names of other projects (their inventories would have to come from a network), type variables, and
# words before a colon in a docstring, which napoleon takes for a type.
FOREIGN = [
    *["torch", "Tensor", "numpy", "np", "ndarray", "jaxtyping", "PIL", "Path"],
    *["abc", "collections", "contextlib", "os", "pathlib", "typing", "typing_extensions"],
    *["Bool", "Float", "Int", "UInt8", "N", "P"],  # jaxtyping's, and its axes
]
# Types that users do not create. They occur in signatures; the architecture page describes them.
INTERNAL = [
    r"composer\.exporting\.flat_slots\.FlatSlot",
    r"composer\.(plan|blueprint|construction|language)\..*",
    r"composer\.graph\.(hooks\.HookObserver|execution\.Execution|observers\.Observers)",
    r"composer\.graph\.weights\.(LoadArguments|LoadOptions)|Outline|composer\.data\.transforms\.transform\.Array",
    r"composer\..*\.(BoxRows|Rows|Sampler|CocoScores|ImageEvaluator|InstanceEvaluator|Quality|_\w+)",
    r"composer\.(data\.data_file|experiment\.experiment_document|documents\.settings|experiment\.model_settings)\..*",
    r"composer\.documents\.located\.Located",
    r"composer\.graph\.(edits|gradients|recorded_part|session_edit|snapshots)\..*",
    r"composer\.(comparison|explanation|inside|notebook|value_cache)\..*",
    r"Arrays|Column|DatasetDocument|Extractor|ImageRows|Model|SettableModel|SettingsSource",
    r"Problem|Names|tuple\[(float|str|~.*)",
]
nitpick_ignore_regex = [
    (r"py:class", rf"({'|'.join(INTERNAL)})"),
    (r"py:.*", rf"({'|'.join(FOREIGN)})(\..*)?"),
    (r"py:class", r".*\.[TU]"),
    (r"py:class", r".* .*|d[xywh]"),
]
