"""The region proposal network: where objects may be (Ren et al. 2015).

Node types: `anchors`, `rpn_head`, `proposals`, `rpn_targets`, `rpn_losses`, `given_proposals`,
`proposal_instances`.
"""
