"""A JSON Schema of the spec language, so that editors complete and check specs."""

from composer.schema.spec_schema import SpecSchema, make_schema

__all__ = ["SpecSchema", "make_schema"]
