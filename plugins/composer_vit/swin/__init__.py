"""Swin Transformers: attention in shifted windows."""
