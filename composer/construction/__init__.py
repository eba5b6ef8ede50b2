"""From a spec to modules: checks everything that can be known first, then builds what is needed."""

from composer.construction.blueprint import Blueprint, NodeDesign
from composer.construction.checking import check_source, check_spec
from composer.construction.modules import build_modules

__all__ = ["Blueprint", "NodeDesign", "build_modules", "check_source", "check_spec"]
