"""Models called with batches of arrays, as engines for many machines call them."""

from composer.batch.batch_model import BatchModel, make_predict_fn

__all__ = ["BatchModel", "make_predict_fn"]
