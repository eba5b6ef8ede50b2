"""Vision transformers as backbones, and the simple feature pyramid.

Node types: `vit_backbone`, `simple_feature_pyramid`, `swin_backbone`, `mvit_backbone`.
"""
