"""Settings: values that are given by name, as `--set` takes them."""

from __future__ import annotations

from collections.abc import Sequence

from composer.documents.located import Located, locate
from composer.documents.places import Place
from composer.documents.problems import ProblemLog
from composer.documents.yaml_reader import parse_value
from composer.errors import SpecError


def parse_settings(settings: Sequence[str], log: ProblemLog) -> dict[str, Located]:
    """Values for params from texts of the form `name=value`; the log takes what is none."""
    given: dict[str, Located] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        place = Place("--set", pointer=setting)
        if not equals:
            log.add(place, "a setting is name=value")
            continue
        try:
            value = parse_value(text, "--set").plain()
        except SpecError as error:
            for problem in error.problems:
                log.add(place, problem.message)
        else:
            given[name.strip()] = locate(value, "--set", setting)
    return given
