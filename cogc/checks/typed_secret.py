"""Secrets that are typed into a spec: keys of known forms anywhere, and random words beside a telling name."""

from __future__ import annotations

import re
from itertools import pairwise

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.diagnostics.source import Span

_FORMS = r"""
    (?P<anthropic>sk-ant-[A-Za-z0-9_-]{16,})
  | (?P<openai>\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{20,})
  | (?P<github>\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}))
  | (?P<gitlab>\bglpat-[A-Za-z0-9_-]{20,})
  | (?P<aws>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)
  | (?P<google>\bAIza[0-9A-Za-z_-]{35}|\bya29\.[0-9A-Za-z_-]{20,})
  | (?P<slack>\bxox[abeoprs]-[A-Za-z0-9-]{10,})
  | (?P<stripe>\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{20,})
  | (?P<huggingface>\bhf_[A-Za-z0-9]{30,})
  | (?P<npm>\bnpm_[A-Za-z0-9]{30,})
  | (?P<pypi>\bpypi-[A-Za-z0-9_-]{40,})
  | (?P<private>-----BEGIN\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY-----)
  | (?P<jwt>\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})
  | (?P<bearer>\b[Bb]earer\ +[A-Za-z0-9._~+/-]{20,})
  | (?P<url>\b[a-z][a-z0-9+.-]*://[^\s/:@{}]*:(?P<word>[^\s/:@{}]{4,})@)
    """
"""The forms of secrets, compiled for the first text that may hold one."""
_SIGNS = (
    "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "AKIA", "ASIA", "AIza", "ya29.", "xox", "k_live_",
    "k_test_", "whsec_", "hf_", "npm_", "pypi-", "-----BEGIN", "eyJ", "earer", "://",
)  # fmt: skip
"""Parts of which each form has one."""
_WORDS = {
    "anthropic": "a key of Anthropic",
    "openai": "a key of OpenAI",
    "github": "a token of GitHub",
    "gitlab": "a token of GitLab",
    "aws": "a key of AWS",
    "google": "a key of Google",
    "slack": "a token of Slack",
    "stripe": "a key of Stripe",
    "huggingface": "a token of Hugging Face",
    "npm": "a token of npm",
    "pypi": "a token of PyPI",
    "private": "a private key",
    "jwt": "a signed token",
    "bearer": "a bearer token",
    "url": "a password in an address",
}
_TELLING = r"(?i)(?:^|[_-])(?:api_?key|secret|token|password|passwd|credentials?|private_?key|auth)(?:$|[_-])"
_RANDOM = r"[A-Za-z0-9+/=_.~-]{16,}\Z"
_SHORTEST = 12
_ENTROPY = 3.2  # bits a character: words of a language have less, random keys have more


def typed_secret(checked: Checked) -> None:
    """Report texts that look like secrets."""
    for unit in checked.world.roots:
        telling: dict[int, str] = {}
        telling |= {id(a.value): a.key.id for a in unit.all(nodes.Attribute)}
        telling |= {id(e.value): e.key.id for e in unit.all(nodes.Entry) if isinstance(e.key, nodes.Name)}
        telling |= {id(c.value): c.name.id for c in unit.all(nodes.Const)}
        telling |= {id(s.value): s.name.id for s in unit.all(nodes.State)}
        for listed in unit.all(nodes.ListLiteral):  # `["curl", "--token", "..."]`
            for flag, word in pairwise(listed.items):
                if isinstance(flag, nodes.Text) and flag.value.startswith("-"):
                    telling[id(word)] = flag.value.lstrip("-")
        for text in unit.all(nodes.Text):
            what = _looks_like(text.value, telling.get(id(text), ""))
            if what:
                _instead_of_name(checked, unit.span(text))
                checked.problems.add("typed-secret", unit.span(text), what=what)


def _instead_of_name(checked: Checked, span: Span) -> None:
    """Take back the report of a secret that stands in `env(...)` in place of a name."""
    checked.problems.take_out(
        0, lambda d: d.slug == "wrong-type" and d.span.source is span.source and d.span.start == span.start
    )


def _looks_like(text: str, name: str) -> str:
    """Return the words for the kind of secret that a text holds, or an empty text."""
    found = re.search(_FORMS, text, re.VERBOSE) if any(sign in text for sign in _SIGNS) else None
    if found is not None:
        kind = next(k for k, v in found.groupdict().items() if v and k in _WORDS)
        if not _is_example(kind, found):
            return _WORDS[kind]
    key, assigned, value = text.partition("=")
    key = key.lstrip("-").replace("-", "_")
    if assigned and key.isidentifier():  # an entry of an environment, as Docker writes it, or an option
        name, text = key, value
    if (
        name
        and len(text) > 15
        and re.search(_TELLING, name)
        and re.match(_RANDOM, text)
        and any(_is_random(part) for part in re.split(r"[-_./]", text))
    ):
        return f"a secret, by its name `{name}`"
    return ""


def _is_example(kind: str, found: re.Match[str]) -> bool:
    """Return whether a text only has the form of a secret: a placeholder, words with hyphens, a server of this machine."""
    text = found[0]
    if kind == "url":
        address = found.string[found.end() :]
        user = text.partition("://")[2].partition(":")[0]
        return address.startswith(("localhost", "127.0.0.1", "[::1]")) or user == found["word"]
    tail = re.split(r"[ ]|sk-ant-(?:api\d+-)?|sk-(?:proj-|svcacct-)?", text)[-1]
    if kind in ("anthropic", "openai", "bearer") and set(tail) <= set("xX*.-_"):
        return True
    return kind in ("openai", "bearer") and "-" in tail and not any(c.isdigit() or c.isupper() for c in tail)


def _is_random(text: str) -> bool:
    """Return whether the characters of a word are as mixed as those of a key."""
    if len(text) < _SHORTEST or not (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)):
        return False
    import math  # for texts that may be random

    shares = [text.count(c) / len(text) for c in set(text)]
    return -sum(s * math.log2(s) for s in shares) >= _ENTROPY
