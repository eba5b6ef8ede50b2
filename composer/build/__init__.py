"""From a spec to modules: checks everything that can be known first, then builds what is needed."""

from composer.build.blueprint import Blueprint, NodeDesign
from composer.build.checking import check_source, check_spec
from composer.build.construction import build_modules

__all__ = ["Blueprint", "NodeDesign", "build_modules", "check_source", "check_spec"]
