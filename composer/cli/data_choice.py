"""The datasets that a command is given: the argument DATA and the options beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from composer.cli.options import dataset_option, format_option, images_option, set_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import DatasetDocument
    from composer.experiment import SettableModel


class DataChoice(NamedTuple):
    """Datasets as a command line names them.

    Args:
        data: a data file, an experiment, or annotations or images in any format.
        images: the folder of images of annotations, if they do not say it.
        format: the format of annotations, where it could be several.
        names: the datasets to use; all if none is named.
        settings: texts `address=value`, or settings.
    """

    data: str
    images: str | None
    format: str | None
    names: Sequence[str]
    settings: Sequence[Any]

    def find(self, model: SettableModel | None = None) -> Mapping[str, DatasetDocument]:
        """The datasets by name; none is opened.

        Args:
            model: a model that takes settings beside the data, and is given its own.

        Raises:
            ComposerError: as for `find_datasets`.
        """
        from composer.experiment import find_datasets

        return find_datasets(
            self.data, self.images, self.names, format=self.format, set=self.settings, model=model
        )


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument DATA and the options that choose its datasets, received as `chosen`."""
    wrapped = collect_data_choice(command)
    options = (set_option(), dataset_option(), format_option(), images_option("annotations"))
    for option in options:
        wrapped = option(wrapped)
    return click.argument("data")(wrapped)


def collect_data_choice(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command `chosen` in place of the values of the options that it consists of."""

    @wraps(command)
    def collected(*args: Any, **given: Any) -> Any:
        names = ("data", "images", "format_", "names", "settings")
        chosen = DataChoice(*(given.pop(name) for name in names))
        return command(*args, chosen=chosen, **given)

    return collected
