"""Region heads: classes, boxes, masks and keypoints (Girshick 2015; He et al. 2017).

Node types: `sampled_proposals`, `roi_pooler`, `box_head`, `region_average`, `box_predictor`,
`federated_box_predictor`, `class_loss`, `box_loss`, `predicted_boxes`, `detections`, `instances`;
for masks `foreground`, `picked_regions`, `mask_head`, `mask_loss`, `masks`, `mask_scores`; for
keypoints `keypoint_foreground`, `keypoint_head`, `keypoint_loss`, `keypoints`; for cascades
`gradient_scale`, `refined_boxes`, `relabeled_proposals`.

Classes and boxes are predicted for upright and for rotated regions (Ma et al. 2018) alike.
"""
