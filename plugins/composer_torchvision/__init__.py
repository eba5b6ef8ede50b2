"""torchvision's networks: its classifiers as backbones, and the numerics of its detectors.

Node types: `torchvision_backbone`.
"""
