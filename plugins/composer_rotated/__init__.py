"""Detection of objects at any angle (rotated region proposals and heads, Ma et al. 2018).

Node types: `rotated_anchors`, `rotated_proposals`, `rotated_rpn_targets`, `rotated_rpn_losses`,
`rotated_sampled_proposals`, `rotated_roi_pooler`, `rotated_box_loss`, `rotated_detections`.

What does not depend on how a box is written comes from other plugins: `rpn_head` and
`box_predictor` with five offsets a box, `box_head`, `class_loss`, `instances`.
"""
