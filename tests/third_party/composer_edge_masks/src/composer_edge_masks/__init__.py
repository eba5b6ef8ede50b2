"""A mask head that predicts outlines, too. Node type: `edge_mask_head`."""
