"""Tokens: one failing order as a word, `cg1-...`, which repeats it for the program that it was found in."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from cogc.explore.search import FoundFault
from cogc.explore.shrink import Case, Pair
from cogc.explore.trial import KILL, KINDS, Failed
from cogc.kernel.chains import Key
from cogc.language.attributes import MODEL_FAULTS

BEGIN = "cg1-"
LONGEST = 1 << 20
"""How many bytes a token may hold."""


class BadToken(Exception):
    """A token that cannot be read, or belongs to another program; its text is the reason, for people."""


def write(case: Case, digest: str) -> str:
    """Return the token of a case. `digest` is that of the program and of all that it is run with."""
    data = [
        digest,
        [[[list(key), n] for key, n in pair] for pair in case.pairs],
        [[f.kind, list(f.where), f.number] for f in case.plan],
        sorted(case.without),
        [case.failed.kind, case.failed.message, case.failed.place],
        [list(moved) for moved in case.times],
    ]
    packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
    return BEGIN + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read(token: str, digest: str) -> Case:
    """Return the case of a token. Raise BadToken."""
    if not token.startswith(BEGIN):
        raise BadToken(f"a token begins with `{BEGIN}`")
    word = token[len(BEGIN) :]
    try:
        packed = base64.b64decode(word + "=" * (-len(word) % 4), b"-_", validate=True)
        unpack = zlib.decompressobj()
        data: Any = json.loads(unpack.decompress(packed, LONGEST))
        if not unpack.eof:
            raise ValueError
        of, pairs, plan, without, failed, *more = data  # a token of before has no times
        times = tuple((int(n), int(at)) for n, at in (more[0] if more else ()))
        case = Case(Failed(*map(str, failed)), _pairs(pairs), _plan(plan), frozenset(map(int, without)), times)  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, binascii.Error, zlib.error, RecursionError):
        raise BadToken("the token is damaged: a character is missing or wrong") from None
    if of != digest:
        raise BadToken("the token is of another program, or of other inputs and options")
    return case


def _pairs(given: Any) -> tuple[Pair, ...]:
    return tuple(((_key(a), int(n)), (_key(b), int(m))) for (a, n), (b, m) in given)


def _key(given: Any) -> Key:
    if not given or not all(isinstance(part, str | int) for part in given):
        raise ValueError
    return tuple(given)


def _plan(given: Any) -> tuple[FoundFault, ...]:
    if any(kind not in (*KINDS, KILL, *MODEL_FAULTS) for kind, _, _ in given):
        raise ValueError
    return tuple(FoundFault(kind, _key(where), int(number)) for kind, where, number in given)
