"""Runners of jobs over many images on several machines."""

from composer.runners.ray_rows import SourceFactory
from composer.runners.ray_runner import RayRunner, require_ray

__all__ = ["RayRunner", "SourceFactory", "require_ray"]
