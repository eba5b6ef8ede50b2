"""The predictions that count in inference.

Legend: N images, Q queries.
"""

from composer_transformers.detr_predictions import QueryPredictions
from composer_transformers.ports import QueryBoxes, QueryLogits


def last_layer(logits: QueryLogits, boxes: QueryBoxes) -> QueryPredictions:
    """Returns the predictions after the last layer of a decoder.

    Args:
        logits: class logits after each layer.
        boxes: boxes after each layer.
    """
    return QueryPredictions(logits[-1:], boxes[-1:])
