"""The files of scripted models: YAML, read as it stands for JSON."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Reads YAML as it stands for JSON: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def items(source: str) -> Any:
    """Return what a text in YAML holds. Raise ValueError with one line for a text that is none."""
    try:
        return yaml.load(source, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).splitlines()[0]) from None


def line_of(source: str, number: int) -> int:
    """Return the line on which an item of the list in a text begins, by its number."""
    found = yaml.compose(source)
    assert isinstance(found, yaml.SequenceNode)
    return int(found.value[number - 1].start_mark.line) + 1
