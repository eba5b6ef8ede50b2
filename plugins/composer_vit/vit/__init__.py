"""Plain vision transformers with windows (ViTDet), and the simple feature pyramid on them."""
