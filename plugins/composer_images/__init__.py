"""Preprocessing of images, and postprocessing of results to the requested size.

Node types: `preprocess`, `postprocess`.
"""
