"""The words that editors show are there for every attribute, function, executor, type and keyword, and for nothing else."""

from __future__ import annotations

from cogc.language import docs
from cogc.language.attributes import ATTRIBUTES, EXECUTORS
from cogc.language.builtins import FUNCTIONS
from cogc.language.types import BUILTIN, MEDIA
from cogc.syntax.tables import KEYWORDS


def test_every_attribute_has_words() -> None:
    keys = {key for table in ATTRIBUTES.values() for key in table}
    assert [f"{b} {k}" for b, table in ATTRIBUTES.items() for k in table if not docs.attribute(b, k)] == []
    blocks = {f"{b} {k}" for b, table in ATTRIBUTES.items() for k in table}
    assert [k for k in docs.ATTRIBUTES if k not in keys and k not in blocks] == []


def test_every_function_executor_and_type_has_words() -> None:
    assert set(docs.FUNCTIONS) == set(FUNCTIONS)
    assert set(docs.EXECUTORS) == set(EXECUTORS)
    assert set(docs.TYPES) == {*BUILTIN, *MEDIA, "map"}


def test_only_keywords_are_explained() -> None:
    assert set(docs.KEYWORDS) <= set(KEYWORDS)
