"""timm's networks as backbones. timm is an extra: `pip install 'detection-composer[timm]'`.

Node types: `timm_backbone`.
"""
