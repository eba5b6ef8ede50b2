"""How good a model is: its outputs compared with a dataset's annotations."""

from composer.evaluation.augmented_predictor import AugmentedPredictor
from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.coco_results import read_results, write_results
from composer.evaluation.detections import Detections
from composer.evaluation.evaluator import Evaluator, evaluate
from composer.evaluation.graph_evaluation import evaluate_graph, make_batches
from composer.evaluation.lvis_evaluator import LvisEvaluator
from composer.evaluation.output_files import write_evaluation
from composer.evaluation.panoptic_evaluator import PanopticEvaluator
from composer.evaluation.proposal_evaluator import ProposalEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.results_evaluation import evaluate_detections
from composer.evaluation.rotated_evaluator import RotatedEvaluator
from composer.evaluation.semantic_evaluator import SemanticEvaluator
from composer.evaluation.tasks import TASKS, choose_tasks, make_evaluators
from composer.evaluation.voc_evaluator import VocEvaluator

__all__ = [
    "TASKS",
    "AugmentedPredictor",
    "CocoEvaluator",
    "Detections",
    "Evaluator",
    "LvisEvaluator",
    "PanopticEvaluator",
    "ProposalEvaluator",
    "Results",
    "RotatedEvaluator",
    "SemanticEvaluator",
    "TaskResults",
    "VocEvaluator",
    "choose_tasks",
    "evaluate",
    "evaluate_detections",
    "evaluate_graph",
    "make_batches",
    "make_evaluators",
    "read_results",
    "write_evaluation",
    "write_results",
]
