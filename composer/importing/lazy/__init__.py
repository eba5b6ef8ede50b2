"""Imports what detectron2's LazyConfig writes beside a training: `import_lazy(text, path, log)`.

A file is read into inert elements (`lazy_file`), its interpolations are resolved, and the calls of
detectron2's constructors that it holds become settings of our nodes, one module for each part of a
model. Nothing in a file is imported or run.
"""

from composer.importing.lazy.reading import LazyImport, import_lazy, is_lazy

__all__ = ["LazyImport", "import_lazy", "is_lazy"]
