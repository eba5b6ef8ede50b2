"""Panoptic segmentation: instances and semantic segmentation in one (Kirillov et al. 2019).

Node types: `panoptic`.
"""
