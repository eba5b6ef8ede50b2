"""How good a model is: its outputs compared with a dataset's annotations."""

from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.evaluator import Evaluator, evaluate
from composer.evaluation.lvis_evaluator import LvisEvaluator
from composer.evaluation.panoptic_evaluator import PanopticEvaluator
from composer.evaluation.proposal_evaluator import ProposalEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.rotated_evaluator import RotatedEvaluator
from composer.evaluation.semantic_evaluator import SemanticEvaluator
from composer.evaluation.voc_evaluator import VocEvaluator

__all__ = [
    "CocoEvaluator",
    "Evaluator",
    "LvisEvaluator",
    "PanopticEvaluator",
    "ProposalEvaluator",
    "Results",
    "RotatedEvaluator",
    "SemanticEvaluator",
    "TaskResults",
    "VocEvaluator",
    "evaluate",
]
