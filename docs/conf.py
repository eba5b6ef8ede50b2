"""Configuration of Sphinx. `make docs` builds; nothing here needs a network."""

from importlib.metadata import version as installed_version

project = "detection-composer"
author = "the detection-composer authors"
project_copyright = author
release = version = installed_version("detection-composer")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
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

# Names of other projects: their inventories would have to come from a network.
nitpick_ignore_regex = [(r"py:.*", r"(torch|numpy|np|jaxtyping|collections|pathlib|typing)(\..*)?")]
