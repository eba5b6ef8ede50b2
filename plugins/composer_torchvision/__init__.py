"""torchvision's networks: its classifiers as backbones, and the numerics of its detectors.

Node types: `torchvision_backbone`, `torchvision_preprocess`, `torchvision_targets`,
`torchvision_anchors`, `torchvision_mask_loss`, `torchvision_retinanet_loss`,
`torchvision_postprocess`. Key mapping: `torchvision`.
"""
