"""Models of Hugging Face's transformers as graphs: pip install 'detection-composer[transformers]'.

Node types: `transformers_preprocess`, `transformers_backbone`, `transformers_conv_encoder`,
`transformers_detections`, `transformers_detection_loss`, and those of each family, `detr_...`,
`deformable_detr_...`, `rt_detr_...`, `yolos_...`, `mask2former_...` and `maskformer_...`.
"""
