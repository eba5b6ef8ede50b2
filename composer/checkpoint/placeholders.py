"""Stand-ins for the objects in files of torch that are neither tensors nor plain containers.

Training scripts save their arguments, configurations and helpers beside the weights. A placeholder
remembers the name of such an object's class and nothing else: the class is never imported, nothing
is called, and the state is dropped as soon as it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SHOWN = 4
_LONGEST_NAME = 200
_MODULE_MARKS = ("_parameters", "_buffers", "_modules")
# What runs commands, opens files or loads code. Its calls would do nothing here, either; but a file
# that names it is an attack, whose weights nobody should use, and so it is refused as a whole.
_HOSTILE_MODULES = frozenset(
    (
        *("__builtin__", "_codecs", "_io", "_pickle", "_posixsubprocess", "antigravity"),
        *("asyncio", "bdb", "builtins", "cPickle", "cffi", "cloudpickle", "code", "codecs"),
        *("codeop", "commands", "ctypes", "dill", "doctest", "ensurepip", "fileinput"),
        *("ftplib", "http", "imp", "importlib", "io", "joblib", "linecache", "marshal"),
        *("mmap", "multiprocessing", "nt", "ntpath", "operator", "os", "pdb", "pickle"),
        *("pip", "pkgutil", "posix", "posixpath", "profile", "pty", "pydoc", "requests"),
        *("runpy", "shutil", "signal", "site", "smtplib", "socket", "subprocess", "sys"),
        *("tempfile", "threading", "timeit", "trace", "urllib", "urllib2", "webbrowser"),
    )
)
_HARMLESS = re.compile(
    r"(__builtin__|builtins)\.(bool|dict|float|frozenset|int|list|long|object|range|slice|str|tuple"
    r"|type|unicode|xrange|Ellipsis|NotImplemented|[A-Z]\w*(Error|Exception|Warning)"
    r"|abs|all|any|bin|bytes|callable|chr|complex|divmod|enumerate|filter|format|hash|hex|id"
    r"|isinstance|issubclass|iter|len|map|max|memoryview|min|next|oct|ord|pow|print|property|range"
    r"|repr|reversed|round|set|sorted|staticmethod|classmethod|sum|super|zip)"
    r"|operator\.(itemgetter|attrgetter|add|sub|mul|truediv|floordiv|mod|neg|lt|le|eq|ne|gt|ge)"
    r"|numpy\.(str_|bytes_|bool_?|u?int\d*|float\d*|complex\d*|object_|void|datetime64|timedelta64)"
    r"|numpy\.(random|ma)\.\w+(\.\w+)*|numpy\.rec\.recarray"
    r"|torch\.(nn|optim|amp|cuda\.amp|distributed|torch_version|ao)\.\w+(\.\w+)*"
    r"|torch\.(per_(tensor|channel)_\w+|finfo|iinfo)|torch\.serialization\._get_layout"
    r"|torch\.utils\.data\.\w+(\.\w+)*"
    r"|torch\.(dtype|layout|memory_format)"
    r"|torch\._C\._(VariableFunctions(Class)?|nn\.\w+)|torch\.autograd\.grad_mode\.\w+"
    r"|numpy\.(add|subtract|multiply|(true_)?divide|maximum|minimum|mean|sum|clip|abs(olute)?"
    r"|exp|log|sqrt|tanh)"
)
# Pickles name these by a path from any module that has imported torch.
_MEMORY_FORMAT = re.compile(r"(torch\.)?(channels_last(_3d)?|contiguous_format|preserve_format)")
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Z_]\w*)*")  # of a class, maybe inside of others


@dataclass(eq=False, slots=True)
class Placeholder:
    """An object that was not read.

    Attributes:
        name: its class or function, with the module.
        is_module: whether its state is that of a network of torch.
    """

    name: str
    is_module: bool = False

    def restore(self, state: object) -> None:
        """Drops a state, but for its kind."""
        self.is_module |= type(state) is dict and all(mark in state for mark in _MODULE_MARKS)

    def __str__(self) -> str:
        return f"{self.name}, not read"


def may_stand_in(module: str, name: str) -> bool:
    """Whether an unknown global may be named in a file: what it makes becomes a placeholder.

    Args:
        module: its module.
        name: its name in the module, with dots in one of a nested class.
    """
    if len(module) + len(name) > _LONGEST_NAME:
        return False
    if not all(part.isidentifier() for part in module.split(".")):
        return False
    if _MEMORY_FORMAT.fullmatch(name):
        return True
    if not _PLAIN_NAME.fullmatch(name) or "__" in name.partition(".")[2]:
        return False
    top = module.partition(".")[0]
    if top in ("numpy", "torch") or top in _HOSTILE_MODULES:
        return _HARMLESS.fullmatch(f"{module}.{name}") is not None
    return True


def get_inner(owner: object, name: object) -> Placeholder:
    """Stands for `getattr`, by which pickles name the classes in classes and members of enums.

    Raises:
        TypeError: the owner is not unknown, or the name is none.
    """
    outer = getattr(owner, "name", None)
    is_unknown = isinstance(owner, Placeholder) or getattr(owner, "is_unknown", False)
    if not is_unknown or type(name) is not str or not name.isidentifier():
        raise TypeError("an attribute of an object")
    if len(full := f"{outer}.{name}") > _LONGEST_NAME:
        raise TypeError("an attribute with a long name")
    return Placeholder(full)


def find_placeholders(document: object) -> Iterator[tuple[str, Placeholder]]:
    """The placeholders in a document, with the keys that lead to them; each container once.

    Arrays of numpy that hold something else than numbers are not read, either.
    """
    seen: set[int] = set()
    pending: list[tuple[str, object]] = [("", document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, Placeholder):
            yield path, value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [
                (_join(path, key), each)
                for key, each in items
                if isinstance(each, (Placeholder, dict, list, tuple))
            ]
            pending.extend(reversed(inner))


def _join(path: str, key: object) -> str:
    if len(path) > _LONGEST_NAME:
        return path
    return f"{path}.{key!s:.60}" if path else f"{key!s:.60}"


def describe_placeholders(document: object) -> str:
    """One line on what was not read: `args: argparse.Namespace, not read`; empty if there is none.

    Args:
        document: the content of a file, nested to a limited depth.
    """
    found = dict.fromkeys(
        f"{path or 'the whole file'}: {each.name}" for path, each in find_placeholders(document)
    )
    if not found:
        return ""
    shown = list(found)[:_SHOWN]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{', '.join(shown)}{more}, not read"
