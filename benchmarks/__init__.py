"""Benchmarks: every figure is a ratio against a peer that is measured in the same run."""
