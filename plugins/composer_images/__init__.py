"""Where images enter a detection graph, and where results leave it at the size that is wanted.

Node types: `preprocess`, `postprocess`.
"""
