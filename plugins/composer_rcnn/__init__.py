"""Region heads: what is in each proposed region (Girshick 2015; He et al. 2017).

Node types: `roi_pooler`, `box_head`, `box_predictor`, `detections`, `mask_head`, `masks`,
`instances`.
"""
