"""An engine for tests: it runs the nodes by PyTorch, and counts what it is asked to do."""

from composer.layers import EnginePart


class FakeEngine:
    """Computes what the nodes compute, plus an offset by which its values can be told.

    Args:
        offset: what is added to every output.
        refused: names of node types that it cannot take.
    """

    extra = ""
    precisions = ("float32", "bfloat16", "int8")
    devices = ("cpu",)

    def __init__(self, offset=0.0, refused=()) -> None:
        self.offset, self.refused = offset, refused
        self.num_compiled = self.num_loaded = self.num_runs = 0
        self.calibrations = []
        self.parts = []
        self.failure = None
        self.watch = lambda tensor: None

    def find_missing(self) -> str:
        return ""

    def describe_version(self) -> str:
        return f"1.0 with offset {self.offset}"

    def takes(self, function, precision) -> bool:
        return type(function).__name__ not in self.refused

    def compile(self, part: EnginePart, precision, calibration, folder) -> None:
        self.num_compiled += 1
        self.calibrations.append(calibration)
        self.parts.append(part)
        (folder / "program").write_text(precision)

    def load(self, folder, part: EnginePart, precision):
        assert (folder / "program").read_text() == precision
        self.num_loaded += 1

        def run(*tensors):
            self.num_runs += 1
            for tensor in tensors:
                self.watch(tensor)
            if self.failure is not None:
                raise self.failure
            return [each + self.offset for each in part.module(*tensors)]

        return run
