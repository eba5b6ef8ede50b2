"""Tests of outside plugins run where the plugins are installed: in tests/packaging."""

collect_ignore_glob = ["*/tests/*"]
