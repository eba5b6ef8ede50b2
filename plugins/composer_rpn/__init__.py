"""The region proposal network: where objects may be (Ren et al. 2015).

Node types: `anchors`, `rotated_anchors`, `rpn_head`, `proposals`, `rpn_targets`, `rpn_losses`,
`given_proposals`, `proposal_instances`.

Anchors decide whether proposals are upright or rotated (Ma et al. 2018).
"""
