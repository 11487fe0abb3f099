"""Signatures of webhooks: the sender proves with a shared secret that the body is its own.

Each algorithm is that of the service with its name. Every comparison takes the same time for each wrong signature.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import NamedTuple

TOLERANCE = 300.0
"""Seconds by which the timestamp of a signature may differ from the present."""


class Verifier(NamedTuple):
    """The signature that the bodies for a channel have: its form and its secret."""

    kind: str
    secret: str

    def refuse(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Return what is wrong with the signature of a body; nothing if it is right. `now` is in seconds since 1970."""
        return _KINDS[self.kind](self.secret.encode(), headers, body, now)


def _hex(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "replace"))


def _github(secret: bytes, headers: Mapping[str, str], body: bytes, _now: float) -> str:
    scheme, equals, given = headers.get("x-hub-signature-256", "").partition("=")
    if not equals or scheme != "sha256":
        return "the header `X-Hub-Signature-256: sha256=HEX` is missing"
    return "" if _same(_hex(secret, body), given) else "the signature is wrong"


def _plain(secret: bytes, headers: Mapping[str, str], body: bytes, _now: float) -> str:
    given = headers.get("x-signature", "")
    if not given:
        return "the header `X-Signature: HEX` is missing"
    return "" if _same(_hex(secret, body), given.removeprefix("sha256=").lower()) else "the signature is wrong"


def _stripe(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> str:
    pairs = [part.strip().partition("=") for part in headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not given or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 15:
        return "the header `Stripe-Signature: t=SECONDS,v1=HEX` is missing"
    expected = _hex(secret, times[0].encode() + b"." + body)
    if sum(_same(expected, one) for one in given) == 0:  # each is compared
        return "the signature is wrong"
    if abs(now - int(times[0])) > TOLERANCE:
        return f"the signature is of another time: its timestamp may differ by {TOLERANCE:.0f} seconds"
    return ""


_KINDS: dict[str, Callable[[bytes, Mapping[str, str], bytes, float], str]] = {
    "github": _github,
    "stripe": _stripe,
    "hmac": _plain,
}
KINDS = tuple(_KINDS)
"""The words for the algorithms."""
