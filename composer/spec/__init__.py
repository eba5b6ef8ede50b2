"""The spec language: YAML to a checked description of a graph, without importing any plugin."""
