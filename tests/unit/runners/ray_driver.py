"""A job on a local Ray, whose worker fails once: a program, as Ray's driver may end its process.

Its argument is the file of a JSON document: the arguments of `run`. What it saw takes its place.
"""

import json
import os
import sys
from pathlib import Path

from composer.batch import BatchModel
from composer.errors import InputError
from composer.runners import RayRunner


class Failing:
    """Fails on an image until the disk is there again, which a file says."""

    def __init__(self, model, name, mended):
        self.model, self.name, self.mended = model, name, mended

    def open_source(self):
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        source, name, mended = self.model.open_source(), self.name, self.mended
        collect = source.collect

        def failing(image, number=0, named=None):
            if named == name and not os.path.exists(mended):
                raise RuntimeError("the worker is lost")
            return collect(image, number, named)

        source.collect = failing
        return source


def refusal(runner, *job, **options):
    """What a job is refused with."""
    try:
        runner.run(*job, **options)
    except InputError as error:
        return str(error)
    return ""


def run(model, options, images, out, mended):
    """Runs the job until its worker fails, with other images, and to its end; what was seen."""
    import ray
    from ray import cloudpickle
    from ray._common.usage import usage_lib

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    batch = BatchModel(model, "box_head", "detection", **options)
    runner, source = RayRunner(images_per_file=2, workers=1), batch.open_source()
    job = (Failing(batch, images[4], mended), source)
    ray.init(address="local", num_cpus=6, include_dashboard=False, log_to_driver=False)
    failed = refusal(runner, *job, images, out)
    seen = {"failed": failed, "reports": usage_lib.usage_stats_enabled()}
    seen["finished"] = [file.read_bytes().hex() for file in Path(out).glob("*.parquet")]
    Path(mended).touch()
    seen["refused"] = refusal(runner, *job, images[:-1], out, resume=True)
    report = runner.run(*job, images, out, resume=True)
    return {**seen, "num_rows": report.num_rows, "num_errors": report.num_errors}


if __name__ == "__main__":
    job = Path(sys.argv[1])
    job.write_text(json.dumps(run(**json.loads(job.read_text()))))
