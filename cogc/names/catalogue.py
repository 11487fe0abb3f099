"""Prices and context windows of models, from `stdlib/models.json`.

In: the reader of the pipe. Out: `Catalogue`, which reads the file when a price is first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.diagnostics.source import Reader
    from cogc.ir import Price

PATH = "std/models.json"


class Catalogue:
    """The models that have a price."""

    __slots__ = ("_data", "_read")

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._data: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, Any]:
        if self._data is None:
            from json import loads

            self._data = loads(self._read(PATH))
        return self._data

    def knows(self, provider: str, model: str) -> bool:
        """Return whether a model has a known price; that of a scripted model is zero."""
        return provider == "scripted" or model in self.data["models"]

    def longest_answer(self, model: str) -> int | None:
        """Return the tokens of the longest answer of a model; None if it is not known."""
        most: int | None = self.data["models"].get(model, {}).get("most")
        return most

    def price(self, provider: str, model: str) -> Price | None:
        """Return the price of a model; None if it is not known."""
        from cogc.ir import Price

        if provider == "scripted":
            return Price()
        found = self.data["models"].get(model)
        if found is None:
            return None
        cache, long = self.data["cache"], found.get("long", {})
        return Price(  # 5 and 5.0 are the same price, and must have the same JSON
            input=float(found["input"]),
            output=float(found["output"]),
            cache_write=float(cache["write"]),
            cache_read=float(cache["read"]),
            above=long.get("above", 0),
            long_input=float(long.get("input", 0)),
            long_output=float(long.get("output", 0)),
            context=found["context"],
        )
