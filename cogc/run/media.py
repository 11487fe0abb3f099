"""The bytes of images and documents, by their digests. Everything else, the kernel included, holds a `Media`, which names them.

In: files of the workspace, results of programs and tools, JSON from outside. `taken` checks kind and size, and keeps the bytes. Out:
`bytes_of` gives them to a model or a program. The bytes stand in the memory of the process, up to `MOST_KEPT` of them; a folder that
was added by `keep_in` holds them too: beside a recording, or in the state folder of an instance, so that a run that goes on finds
them again. A file of the folder is named by its digest, and read only if it has it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from cogc.disk.beneath import read_beneath
from cogc.language.media import MOST, bare_type, kind_of_type, type_by_bytes, type_by_name
from cogc.language.values import Failure, Media

MOST_KEPT = 512 << 20
"""The most bytes that a process holds in its memory."""
_NAME = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{64}\.[0-9]+")
"""The name of a file of bytes, or of one that was being written when its run was killed."""
FOLDER = "media"
"""The folder of the bytes, in the state folder and behind the name of a recording."""


class _Store:
    """The bytes of this process."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.size = 0
        self.folders: list[Path] = []

    def add(self, digest: str, data: bytes) -> None:
        """Hold bytes in the memory, and in each folder."""
        if digest in self.held:
            return
        if self.size + len(data) > MOST_KEPT:
            if not self.folders:
                raise Failure("bound", f"the images and documents of this process have more than {MOST_KEPT >> 20} MiB")
            self.held.clear()
            self.size = 0
        for folder in self.folders:
            _write(folder, digest, data)
        self.held[digest] = data
        self.size += len(data)

    def find(self, digest: str) -> bytes | None:
        """Return the bytes of a digest, or None."""
        if digest in self.held:
            return self.held[digest]
        for folder in self.folders:
            with suppress(OSError):
                data = (folder / digest).read_bytes()
                if hashlib.sha256(data).hexdigest() == digest:
                    return data
        return None


_STORE = _Store()


def keep_in(folder: Path) -> None:
    """Keep the bytes in a folder too, and look there for what is not in the memory. Raise Failure if that cannot be done."""
    if folder not in _STORE.folders:
        _STORE.folders.append(folder)
        for digest, data in _STORE.held.items():
            _write(folder, digest, data)


def leave(folder: Path) -> None:
    """Keep no more bytes in a folder: its run is over."""
    if folder in _STORE.folders:
        _STORE.folders.remove(folder)


def sweep(folder: Path, named: set[str]) -> None:
    """Remove the bytes from a folder that nothing names any more, and that this process does not hold. Other files stay."""
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path.name not in named and path.name not in _STORE.held:
            path.unlink(missing_ok=True)


def copy(folder: Path, target: Path) -> None:
    """Copy the files of a folder of bytes, if there is one, into another one."""
    if folder.is_dir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                shutil.copyfile(path, target / path.name)


def _write(folder: Path, digest: str, data: bytes) -> None:
    """Write the bytes as a file that only its owner reads. Raise Failure if that cannot be done."""
    path, half = folder / digest, folder / f".{digest}.{os.getpid()}"
    try:
        if path.exists():
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        why = (error.strerror or str(error)).lower()
        raise Failure("program", f"an image or document cannot be kept in `{folder}`: {why}") from None


def taken(data: bytes, media_type: str = "", name: str = "", kind: str = "") -> Media:
    """Keep bytes, and return what names them. Raise Failure if no model takes them, or if they are not of the kind that is said."""
    found = type_by_bytes(data)
    said = bare_type(media_type) if media_type else found
    what = f"`{name}`" if name else "it"
    if not data:
        raise Failure("type", f"{what} is empty")
    is_kind = kind_of_type(said)
    if not is_kind:
        known = "png, jpeg, gif, webp, pdf and text"
        raise Failure("type", f"{what} is {said or 'of a type that is not known'}; models take {known}")
    if found != said:
        raise Failure("type", f"{what} is said to be {said}, and is {found or 'of a type that is not known'}")
    if kind and is_kind != kind:
        raise Failure("type", f"{what} is {said}, no {kind}")
    if len(data) > MOST[is_kind]:
        raise Failure(
            "bound", f"{what} has {len(data):,} bytes; models take {is_kind}s of at most {MOST[is_kind]:,} bytes"
        )
    digest = hashlib.sha256(data).hexdigest()
    _STORE.add(digest, data)
    return Media(is_kind, said, digest, len(data), name)


def decoded(text: str, media_type: str, name: str = "") -> Media:
    """Keep the bytes that a text in base64 stands for. Raise Failure as `taken` does, and for a text that is no base64."""
    if len(text) > MOST["document"] * 4 // 3 + 4:
        raise Failure("bound", f"`{name or media_type}` is larger than models take")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Failure("type", f"the data of `{name or media_type}` is no base64") from None
    return taken(data, media_type, name)


def read_file(folder: str, path: str) -> Media:
    """Return a file of the workspace. Raise Failure if it cannot be read, or if no model takes it."""
    media_type = type_by_name(path)
    most = max(MOST.values())
    try:
        data, about = read_beneath(folder, path, most + 1)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise Failure("program", f"`{path}` cannot be read: {why}") from None
    if about.st_size > most:
        raise Failure("bound", f"`{path}` has {about.st_size:,} bytes; models take at most {most:,}")
    return taken(data, media_type, path)


def bytes_of(media: Media) -> bytes:
    """Return the bytes. Raise Failure if they are not here."""
    data = _STORE.find(media.digest)
    if data is None:
        raise Failure(
            "program", f"the bytes of {media} are not here: they were taken by another process, or are deleted"
        )
    return data


def base64_of(media: Media) -> str:
    """Return the bytes as base64."""
    return base64.b64encode(bytes_of(media)).decode("ascii")
