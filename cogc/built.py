"""Programs as JSON, as `cogc build` writes them, and the hash by which two of them are known to be the same."""

from __future__ import annotations

import hashlib

import msgspec

from cogc import ir


def encode(bundle: ir.Bundle) -> bytes:
    """Return a program as JSON, indented, with its content hash."""
    return msgspec.json.format(msgspec.json.encode(hashed(bundle)), indent=1) + b"\n"


def decode(data: bytes) -> ir.Bundle:
    """Read a program from JSON; raise ValueError if it is none, of another version, or changed."""
    try:
        bundle = msgspec.json.decode(data, type=ir.Bundle)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if bundle.version != ir.VERSION:
        raise ValueError(f"it is of version {bundle.version}, this is version {ir.VERSION}")
    if hashed(bundle).hash != bundle.hash:
        raise ValueError("its content does not match its hash")
    return bundle


def hashed(bundle: ir.Bundle) -> ir.Bundle:
    """Return a program with the hash of its content, which is all but the source positions.

    It tells whether a recording or a built file is of this program. A comment more moves positions, and changes nothing that runs.
    """
    bare = msgspec.structs.replace(bundle, positions=[], hash="")
    digest = hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()
    return msgspec.structs.replace(bundle, hash=digest)
