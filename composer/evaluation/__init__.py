"""How good a model is: its outputs compared with a dataset's annotations."""

from composer.evaluation.augmented_predictor import TEST_SIZES, AugmentedPredictor
from composer.evaluation.cityscapes_evaluators import (
    CityscapesInstanceEvaluator,
    CityscapesPixelEvaluator,
)
from composer.evaluation.class_matching import MatchedClasses, count_from_zero
from composer.evaluation.coco_evaluator import CocoEvaluator
from composer.evaluation.coco_results import read_results, write_results
from composer.evaluation.collectives import compute_once
from composer.evaluation.detections import (
    Detections,
    check_pairs,
    describe_instances,
    read_instances,
)
from composer.evaluation.evaluator import Evaluator, evaluate
from composer.evaluation.graph_evaluation import (
    evaluate_graph,
    inferring,
    list_outputs,
    make_batches,
    predict_with,
)
from composer.evaluation.lvis_evaluator import LvisEvaluator
from composer.evaluation.output_files import write_evaluation
from composer.evaluation.panoptic_evaluator import PanopticEvaluator
from composer.evaluation.panoptic_results import PanopticWriter
from composer.evaluation.plots import write_plots
from composer.evaluation.progress import EvaluationProgress
from composer.evaluation.proposal_evaluator import ProposalEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.rotated_evaluator import RotatedEvaluator
from composer.evaluation.semantic_evaluator import SemanticEvaluator
from composer.evaluation.tasks import (
    TASKS,
    choose_tasks,
    evaluate_detections,
    give_detections,
    make_evaluators,
)
from composer.evaluation.voc_evaluator import VocEvaluator

__all__ = [
    "TASKS",
    "TEST_SIZES",
    "AugmentedPredictor",
    "CityscapesInstanceEvaluator",
    "CityscapesPixelEvaluator",
    "CocoEvaluator",
    "Detections",
    "EvaluationProgress",
    "Evaluator",
    "LvisEvaluator",
    "MatchedClasses",
    "PanopticEvaluator",
    "PanopticWriter",
    "ProposalEvaluator",
    "Results",
    "RotatedEvaluator",
    "SemanticEvaluator",
    "TaskResults",
    "VocEvaluator",
    "check_pairs",
    "choose_tasks",
    "compute_once",
    "count_from_zero",
    "describe_instances",
    "evaluate",
    "evaluate_detections",
    "evaluate_graph",
    "give_detections",
    "inferring",
    "list_outputs",
    "make_batches",
    "make_evaluators",
    "predict_with",
    "read_instances",
    "read_results",
    "write_evaluation",
    "write_plots",
    "write_results",
]
