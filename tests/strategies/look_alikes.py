"""Classes with the fields and methods of detectron2's structures, which is not installed."""


class Rows:
    """Something around a tensor with a row an instance."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __len__(self):
        return len(self.tensor)

    def __getitem__(self, item):
        return type(self)(self.tensor[item])

    def to(self, *args, **kwargs):
        return type(self)(self.tensor.to(*args, **kwargs))


class Polygons:
    def __init__(self, polygons):
        self.polygons = polygons

    def __len__(self):
        return len(self.polygons)

    def to(self, *_args, **_kwargs):
        return self


class Records:
    """Fields by attribute, as in detectron2's Instances."""

    def __init__(self, image_size, **fields):
        self._image_size = image_size
        self._fields = fields

    @property
    def image_size(self):
        return self._image_size

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._fields:
            raise AttributeError(name)
        return self._fields[name]

    def __len__(self):
        return len(next(iter(self._fields.values())))

    def get_fields(self):
        return self._fields

    def has(self, name):
        return name in self._fields
