"""Residual networks as backbones (He et al. 2016; ResNeXt, Xie et al. 2017).

Node types: `resnet`, `region_stage`.
"""
