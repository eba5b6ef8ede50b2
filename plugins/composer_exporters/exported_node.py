"""Exported files as nodes: in place of those that they were made from."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from composer import structures
from composer.structures import ImageList, TensorShape
from composer_exporters.file_ports import FilePorts, read_ports

_PLAIN: Mapping[str, Any] = {"tensor": Tensor, "dict": dict[str, Tensor], "list": list[Tensor]}


class Exported(nn.Module):
    """Runs an exported file (.onnx, .xml) in place of the nodes that it was made from.

    Its ports, their types and shapes are those of the file, which says them itself. It runs on the
    processor, in float32, and gives no gradients.

    Args:
        file: the file, beside the document in which it is named.
        sha256: the hash that the file must have; a checkpoint records it in place of the file.

    Raises:
        ValueError: the file is elsewhere, damaged, of another program or another one than the
            hash says, needs custom operators, or data outside its folder.
    """

    def __init__(self, *, file: str, sha256: str = "") -> None:  # noqa: ARG002 - configuration
        super().__init__()
        raise ValueError(f"'{file}' was not read: this class is for files of a spec")

    def forward(self, x: Tensor) -> Tensor:
        """Runs the file on the tensors of its ports."""
        raise NotImplementedError

    @classmethod
    def specialise(cls, values: Mapping[str, Any], folder: Path, is_written: bool) -> type:
        """The class with the ports of the file that a configuration names."""
        name = str(values["file"])
        path = _find(name, folder, is_written=is_written)
        ports = read_ports(path)
        digest = hash_files(path)
        if values.get("sha256") not in (None, "", digest):
            raise ValueError(
                f"'{name}' is another file than the one that was meant: its sha256 is {digest}"
            )
        return _make_class(path, ports, digest)


def _find(name: str, folder: Path, *, is_written: bool) -> Path:
    """The file; one that a document names is in its folder or below.

    Raises:
        ValueError: it is elsewhere, or there is none.
    """
    path = folder / name
    if is_written and (Path(name).is_absolute() or ".." in Path(name).parts):
        raise ValueError(f"'{name}' is not beside the document that names it")
    if path.suffix not in (".onnx", ".xml"):
        raise ValueError(f"'{name}': a node runs files of .onnx or .xml")
    if not path.is_file():
        raise ValueError(f"there is no file '{path}'")
    return path


def hash_files(path: Path) -> str:
    """The sha256 of a file, and of the weights beside it if it has some."""
    digest = hashlib.sha256()
    beside = path.with_suffix(".bin") if path.suffix == ".xml" else Path(f"{path}.data")
    for file in (path, beside):
        if file.is_file():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _make_class(path: Path, ports: FilePorts, digest: str) -> type:
    """A node type with the ports of a file."""

    def build(self: Any, *, file: str, sha256: str = "") -> None:  # noqa: ARG001 - checked by now
        nn.Module.__init__(self)
        self._run = None

    def forward(self: Any, **values: Any) -> Any:
        return _run_file(self, path, ports, digest, values)

    self_ = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    types = {port["port"]: _find_type(port) for port in ports.inputs}
    parameters = [inspect.Parameter(n, self_.kind, annotation=kind) for n, kind in types.items()]
    result = _find_result(ports)
    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [self_, *parameters], return_annotation=result
    )
    forward.__annotations__ = {**types, "return": result}
    build.__annotations__ = {"file": str, "sha256": str, "return": None}
    members: dict[str, Any] = {
        "__init__": build,
        "forward": forward,
        "__doc__": Exported.__doc__,
        "__getstate__": _drop_session,
        "saved_configuration": {"sha256": digest},
        "onnx_translation": staticmethod(_refuse_export),
    }
    shape = _find_shape(ports)
    if shape is not None:
        members["output_shape"] = property(lambda _module: shape)
    return type("Exported", (nn.Module,), members)


def _find_type(port: Mapping[str, Any]) -> Any:
    if port["form"] == "images":
        return ImageList
    name = port["type"]  # of a later version, maybe
    return getattr(structures, name) if name in structures.__all__ else _PLAIN[port["form"]]


def _find_result(ports: FilePorts) -> Any:
    if len(ports.outputs) == 1:
        return _find_type(ports.outputs[0])
    fields = [(str(port["port"]), _find_type(port)) for port in ports.outputs]
    return NamedTuple("Outputs", fields)


def _find_shape(ports: FilePorts) -> Any:
    shape = ports.outputs[0].get("shape")
    if not isinstance(shape, Mapping):
        return None
    if "channels" in shape:
        return TensorShape(**shape)
    return {name: TensorShape(**each) for name, each in shape.items()}


def _refuse_export(*_given: Any, **_values: Any) -> NoReturn:
    """Refuses to export a file again, whose values a tracer takes for constants."""
    raise ValueError("it runs a file already. Feed it, and run both files one after the other")


def _drop_session(module: nn.Module) -> dict[str, Any]:
    return {**module.__dict__, "_run": None}


def _run_file(
    module: Any, path: Path, ports: FilePorts, digest: str, values: Mapping[str, Any]
) -> Any:
    """Runs the file; it is opened, and hashed again, at the first run."""
    if module._run is None:
        module._run = _open(path, digest)
    tensors: dict[str, Tensor] = {}
    for port in ports.inputs:
        parts = _take_apart(port, values[port["port"]])
        named = zip(port["tensors"], parts, strict=True)
        tensors |= {name: part.detach().cpu() for name, part in named if name is not None}
    found = module._run(tensors)
    outputs = [
        _put_together(port, [found[name] for name in port["tensors"]]) for port in ports.outputs
    ]
    return (
        outputs[0]
        if len(outputs) == 1
        else type(module).forward.__annotations__["return"](*outputs)
    )


def _open(path: Path, digest: str) -> Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]:
    if hash_files(path) != digest:
        raise ValueError(f"'{path}' has changed since the spec was checked")
    if path.suffix == ".xml":
        from composer_exporters.openvino_exporter import OpenvinoExporter

        return OpenvinoExporter().open(path)
    from composer_exporters.onnx_exporter import OnnxExporter
    from composer_exporters.onnx_safety import require_plain

    data = f"{path.name}.data"  # the hash covers no other
    if others := sorted(require_plain(path) - {data}):
        raise ValueError(f"'{path}' has data in '{others[0]}': only '{data}' is read with it")
    return OnnxExporter().open(path)


def _take_apart(port: Mapping[str, Any], value: Any) -> Sequence[Tensor]:
    if port["form"] == "images":
        return [value.tensor, torch.tensor(value.image_sizes, dtype=torch.int64).reshape(-1, 2)]
    if port["form"] == "dict":
        return [value[key] for key in port["keys"]]
    return list(value) if port["form"] == "list" else [value]


def _put_together(port: Mapping[str, Any], tensors: Sequence[Tensor]) -> Any:
    if port["form"] == "images":
        return ImageList(tensors[0], [(int(h), int(w)) for h, w in tensors[1].tolist()])
    if port["form"] == "dict":
        return dict(zip(port["keys"], tensors, strict=True))
    return list(tensors) if port["form"] == "list" else tensors[0]
