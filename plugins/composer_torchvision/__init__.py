"""torchvision's networks: its classifiers as backbones, and the numerics of its detectors.

Node types: `torchvision_backbone`, `torchvision_pyramid`, `torchvision_preprocess`,
`torchvision_targets`, `torchvision_anchors`, `torchvision_mask_loss`,
`torchvision_retinanet_loss`, `torchvision_ssd_backbone`, `torchvision_ssdlite_backbone`,
`torchvision_default_boxes`, `torchvision_ssd_head`, `torchvision_postprocess`.
Key mapping: `torchvision`.
"""
