"""How good a model is: its outputs compared with a dataset's annotations."""

from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.evaluator import Evaluator, evaluate
from composer.evaluation.results import Results, TaskResults

__all__ = [
    "CocoEvaluator",
    "Evaluator",
    "Results",
    "TaskResults",
    "evaluate",
]
