"""What a training leaves behind: the files of a run, its checkpoints, and which weights are its."""

from composer.runs.checkpoint_folders import AVERAGE, MODEL, CheckpointFolders
from composer.runs.checksums import check_checksums
from composer.runs.run_folder import (
    RunFolder,
    check_no_training,
    describes_run,
    find_weights,
    is_run,
)

__all__ = [
    "AVERAGE",
    "MODEL",
    "CheckpointFolders",
    "RunFolder",
    "check_checksums",
    "check_no_training",
    "describes_run",
    "find_weights",
    "is_run",
]
