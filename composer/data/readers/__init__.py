"""Readers of dataset formats: a function each, that gives a `Dataset`.

Nothing here is privileged: they are entry points of the group `composer.datasets`, as a reader of
another package would be. They open no image, unless masks are nowhere else.
"""
