"""One-stage detectors: every cell of a pyramid predicts classes and boxes.

RetinaNet (Lin et al. 2017, focal loss) and FCOS (Tian et al. 2019); targets, losses and detections
of SSD (Liu et al. 2016); the head, targets and losses of detectors with distributions of distances
(Li et al. 2020), and their use as proposal generators (Zhou et al. 2021).

Node types: `retinanet_head`, `retinanet_targets`, `retinanet_loss`, `retinanet_detections`,
`fcos_head`, `fcos_targets`, `fcos_loss`, `fcos_detections`, `ssd_targets`, `ssd_loss`,
`ssd_detections`, `gfl_head`, `atss_targets`, `gfl_loss`, `dense_proposals`.
"""
