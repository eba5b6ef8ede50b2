"""Small networks of cross stage partial blocks as backbones (Wang et al. 2020).

Node types: `csp_backbone`, `detection_maps`.
"""
