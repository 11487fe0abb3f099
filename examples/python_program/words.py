"""The programs of words.cog: one that computes, one that waits."""

import re
from collections import Counter

import trio


def frequencies(text: str, most: int) -> list[dict[str, object]]:
    """The most frequent words. It runs in a thread, so it may take its time."""
    counts = Counter(re.findall(r"[a-z]+", text.lower()))
    return [{"word": w, "count": n} for w, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))[:most]]


async def slowly(text: str) -> str:
    """An async function runs on Trio, beside everything else."""
    await trio.sleep(0.05)
    return text.upper()
