"""Feature pyramids: strong features at every scale (Lin et al. 2017).

Node types: `fpn`, `concatenated_features`, `image_pyramid`.
"""
