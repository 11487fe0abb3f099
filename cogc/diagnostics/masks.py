"""The masks of a process: the values of secrets, which are never shown and never enter a run.

Whoever looks a secret up tells it here (`keep`). From then on each text that comes back from outside, and each text that is
shown, has `***` in the place of the secret. The forms that are found are the secret as it is, as a part of a URL (two ways),
as a part of JSON, and in base64 (with the usual or the URL's alphabet, at each of three offsets in what was encoded).

A secret of fewer than six characters is not masked: it would be found in words that have nothing to do with it. Nor is a
value of one of the variables in `PUBLIC`, which programs need and which say where things are.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Match

LEAST = 6
"""The fewest characters of a secret that is masked."""
MASK = "***"
PUBLIC = frozenset(
    [
        "HOME",
        "HOSTNAME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "PWD",
        "SHELL",
        "TEMP",
        "TERM",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "USERNAME",
        "VIRTUAL_ENV",
    ]
)
"""The variables of the environment whose values are no secrets."""

_forms: set[str] = set()
_find: Callable[[str], Match[str] | None] | None = None
_replace: Callable[[str, str], str] | None = None


def keep(secret: str) -> None:
    """Mask this value from now on."""
    global _find, _replace
    if len(secret) < LEAST:
        return
    import re  # as slow to import as an unchanged file is to check

    new = _of(secret) - _forms
    if new:
        _forms.update(new)
        pattern = re.compile("|".join(re.escape(f) for f in sorted(_forms, key=len, reverse=True)))
        _find, _replace = pattern.search, pattern.sub


def forget() -> None:
    """Mask nothing any more. Tests use it."""
    global _find, _replace
    _forms.clear()
    _find = _replace = None


def masked(text: str) -> str:
    """Return the text with the mask in the place of each secret."""
    if _find is None or _replace is None or _find(text) is None:
        return text
    return _replace(MASK, text)


def masked_bytes(data: bytes) -> bytes:
    """Return the output of a program, text or not, with the mask in the place of each secret."""
    if _find is None:
        return data
    text = data.decode("utf-8", "surrogateescape")
    return data if _find(text) is None else masked(text).encode("utf-8", "surrogateescape")


def masked_value(value: object) -> object:
    """Return a value of JSON with its texts masked, the keys of records too."""
    if _find is None:
        return value
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked_value(k): masked_value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked_value(v) for v in value]
    return value


def _of(secret: str) -> set[str]:
    """Return the forms of a secret."""
    import re
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote, quote_plus

    found = {secret, dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]}
    data = secret.encode("utf-8", "surrogatepass")
    for text in (quote(data, safe=""), quote(data), quote_plus(data)):
        found |= {text, re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), text)}
    for lead in range(3):
        coded = b64encode(b"\0" * lead + data).decode()
        # the first characters mix with what stands before the secret, the last ones with what stands behind it
        whole = len(data) + lead
        part = coded[(0, 2, 3)[lead] : whole // 3 * 4 + (0, 1, 2)[whole % 3]]
        found |= {part, part.replace("+", "-").replace("/", "_")}
    return {f for f in found if len(f) >= LEAST}
