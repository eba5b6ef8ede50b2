"""What a training leaves behind: the files of a run, its checkpoints, and which weights are its."""

from composer.runs.checkpoint_folders import AVERAGE, MODEL, CheckpointFolders
from composer.runs.run_folder import RunFolder, find_weights, is_run

__all__ = ["AVERAGE", "MODEL", "CheckpointFolders", "RunFolder", "find_weights", "is_run"]
