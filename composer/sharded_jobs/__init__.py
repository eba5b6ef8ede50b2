"""Jobs over many images in shards: one file a shard, whole or not there, and resumable."""

from composer.sharded_jobs.manifest import check_manifest, hash_names
from composer.sharded_jobs.output_folder import OutputFolder
from composer.sharded_jobs.row_source import RowSource
from composer.sharded_jobs.running import JobReport, run_shards
from composer.sharded_jobs.shards import ShardChoice, name_shard, parse_shard, shard_range

__all__ = [
    "JobReport",
    "OutputFolder",
    "RowSource",
    "ShardChoice",
    "check_manifest",
    "hash_names",
    "name_shard",
    "parse_shard",
    "run_shards",
    "shard_range",
]
