"""PointRend: segmentation as rendering, point by point (Kirillov et al. 2020).

Node types: `grid_pooler`, `coarse_mask_head`, `region_point_features`, `pixel_point_features`,
`coarse_points`, `point_head`; for training `uncertain_mask_points`, `uncertain_pixel_points`,
`point_mask_loss`, `point_sem_seg_loss`; for inference `grid_points`, `grid_masks`,
`doubled_masks`, `uncertain_mask_cells`, `refined_masks`, `doubled_pixels`,
`uncertain_pixel_cells`, `refined_pixels`.
"""
