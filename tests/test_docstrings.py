"""Docstrings name what they are about."""

from __future__ import annotations

import ast
import itertools
import re

from support.paths import ROOT


def test_docstrings_begin_with_what_they_are_about() -> None:
    """They name a thing or an act. One that begins with a question word leaves the reader to guess which. The text of a constant
    may begin with `How many` and the like, since its thing follows."""
    questions = re.compile(r"(What|Who|Whose|Whether|Which|Where|Why|How)\b")
    texts = []
    for path in sorted((ROOT / "cogc").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                texts.append((path.name, ast.get_docstring(node) or ""))
            body = getattr(node, "body", None)
            for before, after in itertools.pairwise(body if isinstance(body, list) else []):
                if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
                    text = str(getattr(after.value, "value", ""))
                    texts.append((path.name, re.sub(r"^How (many|much|often|deep|long)\b", "", text)))
    assert [(name, text[:60]) for name, text in texts if questions.match(text)] == []
