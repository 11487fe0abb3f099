"""Images and documents: which media types models take, and how large each may be.

A name tells the type of a file by its ending (`type_by_name`), its first bytes tell it too (`type_by_bytes`). A text of any kind is a
document of the type `text/plain`.
"""

from __future__ import annotations

KINDS = ("image", "document")
ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    **dict.fromkeys(
        ["txt", "md", "csv", "tsv", "html", "htm", "xml", "json", "jsonl", "yml", "yaml", "toml", "log", "rst", "cog", "py", "sh", "sql"],
        "text/plain",
    ),
}  # fmt: skip
"""The media type of a file by the ending of its name."""
MOST = {"image": 5 << 20, "document": 20 << 20}
"""The most bytes of each kind: providers refuse larger ones."""
TOKENS = 1_600
"""The tokens that count for an image or document where nobody has counted."""
_STARTS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"), (b"%PDF-", "application/pdf"))  # fmt: skip


def kind_of_type(media_type: str) -> str:
    """Return `image` or `document`; empty for a media type that models do not take."""
    bare = bare_type(media_type)
    return "" if bare not in ENDINGS.values() else "image" if bare.startswith("image/") else "document"


def bare_type(media_type: str) -> str:
    """Return a media type without its parameters, in small letters; any kind of text is `text/plain`."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare.startswith("text/") or bare in ("application/json", "application/xml", "application/yaml"):
        return "text/plain"
    return "image/jpeg" if bare == "image/jpg" else bare


def type_by_name(name: str) -> str:
    """Return the media type that the name of a file stands for; empty if models take no such files."""
    stem, dot, ending = name.rpartition("/")[2].rpartition(".")
    return ENDINGS.get(ending.lower(), "") if dot and stem else ""


def type_by_bytes(data: bytes) -> str:
    """Return the media type of bytes; empty if models take none of the kind."""
    for start, media_type in _STARTS:
        if data.startswith(start):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if b"\0" in data else "text/plain"
