"""EfficientNet-Lite, a family of small backbones for processors without much memory.

Node types: `efficientnet_lite`. Key mapping: `efficientnet_lite`.
"""
