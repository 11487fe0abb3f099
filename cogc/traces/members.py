"""A compressed part of a trace: gzip members of bounded size, so that any place of it is read without what stands before.

Each member holds at most MEMBER bytes of the part. The extra field of its header (RFC 1952) has the subfield `CG`: the size of the member in
the file, and of what it holds, as two numbers of 32 bits. So a reader walks from header to header, and decompresses the members that it
needs. For every other program the file is gzip: `zcat` prints it.

A file that `gzip` itself has made has no such fields. It is decompressed once, into a file without a name.
"""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from typing import BinaryIO

MEMBER = 1 << 18
"""The most bytes that a member holds, uncompressed."""
MAGIC = b"\x1f\x8b"
_FIXED = MAGIC + b"\x08\x04\0\0\0\0\0\xff\x0c\0CG\x08\0"
"""The header of a member up to the numbers: deflate, an extra field, no time, no system."""
_SIZES = struct.Struct("<II")
_HEADER = len(_FIXED) + _SIZES.size
_KEPT = 8
"""How many members stay at hand, decompressed."""
_LEVEL = 6


def compress(source: BinaryIO, target: BinaryIO) -> None:
    """Write a file as members."""
    while data := source.read(MEMBER):
        target.write(member(data))


def member(data: bytes) -> bytes:
    """Return one member that holds some data."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    sizes = _SIZES.pack(_HEADER + len(body) + 8, len(data))
    return _FIXED + sizes + body + _SIZES.pack(zlib.crc32(data), len(data))


class Members:
    """A compressed file that is read at any place: `length` is its size, uncompressed. Raise OSError if it cannot be read.

    A member that is damaged reads as a line of question marks of its length, so that the others keep their places.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._starts: list[int] = []
        self._places: list[tuple[int, int, int]] = []
        self.length = 0
        self._whole: BinaryIO | None = None
        try:
            if not self._walk():
                self._unpack()
        except BaseException:
            self.close()
            raise

    def _walk(self) -> bool:
        """Find the members. Return False if the file has others than ours. A member that breaks off is not there."""
        at, end = 0, os.fstat(self._file).st_size
        while at < end:
            header = os.pread(self._file, _HEADER, at)
            if not header.startswith(_FIXED) or len(header) < _HEADER:
                return at > 0
            size, length = _SIZES.unpack_from(header, len(_FIXED))
            if size <= _HEADER or at + size > end:
                break
            self._starts.append(self.length)
            self._places.append((at, size, length))
            at, self.length = at + size, self.length + length
        return True

    def _unpack(self) -> None:
        """Decompress a file of other members, as far as it goes."""
        import tempfile  # slow to import, and for such files alone

        self._whole = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as it is read
        at, data, inflate = 0, b"", zlib.decompressobj(16 + zlib.MAX_WBITS)
        with suppress(zlib.error):
            while True:
                if not data:
                    data = os.pread(self._file, MEMBER, at)
                    at += len(data)
                    if not data:
                        break
                if inflate.eof:
                    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
                self._whole.write(inflate.decompress(data, MEMBER))
                data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            self._whole.write(inflate.flush())
        self._whole.flush()
        self.length = os.fstat(self._whole.fileno()).st_size

    def close(self) -> None:
        os.close(self._file)
        if self._whole is not None:
            self._whole.close()

    def read(self, length: int, at: int) -> bytes:
        """Return at most `length` bytes from a place on, and at least one where there is one."""
        if self._whole is not None:
            return os.pread(self._whole.fileno(), length, at)
        if not 0 <= at < self.length:
            return b""
        number = bisect_right(self._starts, at) - 1
        begin = at - self._starts[number]
        return self._member(number)[begin : begin + length]

    def _member(self, number: int) -> bytes:
        known = self._kept.get(number)
        if known is not None:
            self._kept.move_to_end(number)
            return known
        at, size, length = self._places[number]
        try:
            found = zlib.decompress(os.pread(self._file, size, at), 16 + zlib.MAX_WBITS, length)
        except zlib.error:
            found = b""
        if len(found) != length:
            found = b"?" * (length - 1) + b"\n"
        self._kept[number] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
