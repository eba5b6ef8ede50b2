"""Multiscale vision transformers (MViTv2), whose attention pools queries, keys and values."""
