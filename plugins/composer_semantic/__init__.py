"""Semantic segmentation: a class for every pixel (Kirillov et al. 2019, section 4.1).

Node types: `sem_seg_head`, `sem_seg_loss`, `sem_seg_postprocess`.
"""
