"""Runs what the documentation shows: Python, commands with their output, specs.

CONTRIBUTING.md tells writers which marks they can put before a block.
"""
