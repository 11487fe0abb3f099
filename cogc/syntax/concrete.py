"""Tokens to phrases: what `layout.py` prints, made while the parser reads a file.

In: `Tokens` of a text in the cog notation. Out: the items of the file as parts, with every comment in one of them.

The parser of `lalr.py` drives builders of its own (`_BUILDERS`), one for each rule, that keep all tokens of the rule. A rule that has no
builder there puts one blank between its parts. So the blanks of a text depend on its tokens alone, and its line breaks on the widths of its
phrases and on the comments.

Comments belong to tokens at first: `_leaves` gives a token the comments above it (`lead`) and behind it (`trail`). A token in the middle of a
phrase has no line of its own, so that a builder moves its comments on: those between `}` and the next body into that body, others up to the phrase.
"""

from __future__ import annotations

from cogc.syntax import lalr
from cogc.syntax.layout import WIDTH, Breaks, Group, Leaf, Phrase, Words
from cogc.syntax.tables import OPERATORS, RULES, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from cogc.syntax.layout import Part
    from cogc.syntax.lexer import Tokens

    Builder: TypeAlias = "Callable[[list[Part], int, int], Part | File]"
    """The builder of `start` makes the file."""

_SEP_KIND = TERMINALS["_SEP"]
_COMMA_KIND = OPERATORS[","]
_SPLICED = 100


class _Separator(Phrase):
    """A separator of phrases, with a blank line behind it or without."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(None)
        self.text = text


_SEP = _Separator(";")
_SEP_BLANK = _Separator(";")
_COMMA_BLANK = _Separator(",")


class File:
    """The items of a file, and the comments behind the last one."""

    __slots__ = ("blanks", "end", "items")

    def __init__(self, items: list[Part], blanks: set[int], end: list[str]) -> None:
        self.items = items
        self.blanks = blanks
        self.end = end


def concrete(tokens: Tokens) -> File | None:
    """Return the phrases of a file, or None if the text is no file of the grammar."""
    leaves, end = _leaves(tokens)
    found = lalr.parse(tokens, _RULES, lambda at, states: False, leaves=leaves)
    if not isinstance(found, File):
        return None
    found.end = end
    return found


# ---- tokens and comments -------------------------------------------------------------------------------------


def _leaves(tokens: Tokens) -> tuple[list[Part], list[str]]:
    """Return the part that each token is, and the comments behind the last token."""
    text, kinds, starts, ends = tokens.text, tokens.kinds, tokens.starts, tokens.ends
    leaves: list[Part] = [text[s:e] for s, e in zip(starts, ends, strict=True)]
    before = -1  # the last token that is no separator of phrases
    separator = -1  # the separator behind it
    for i, kind in enumerate(kinds):
        if kind == _SEP_KIND:
            leaves[i] = _SEP
            separator = i
            continue
        start, end = ends[before] if before >= 0 else 0, starts[i]
        gap = text[start:end]
        if "\n" in gap or "#" in gap:
            trail, lead = gap_comments(gap, before < 0)
            if trail:
                leaf = _leaf(leaves, before)
                leaf.trail.append(trail)
                leaf.flat = None
            if lead and lead != [""]:
                _leaf(leaves, i).lead = lead
                _leaf(leaves, i).flat = None
            elif lead:
                _keep_blank(leaves, kinds, separator, before)
        if kind != _COMMA_KIND and "\n" in text[end : ends[i]]:
            _leaf(leaves, i)
        before, separator = i, -1
    last = leaves[-1]
    return leaves, last.lead if isinstance(last, Phrase) else []


def _keep_blank(leaves: list[Part], kinds: list[int], separator: int, before: int) -> None:
    """Keep a blank line, if it stands behind a separator of phrases or a comma."""
    if separator >= 0:
        leaves[separator] = _SEP_BLANK
    elif before >= 0 and kinds[before] == _COMMA_KIND:
        comma = leaves[before]
        if isinstance(comma, Leaf):
            comma.blank = True
        else:
            leaves[before] = _COMMA_BLANK


def _leaf(leaves: list[Part], at: int) -> Leaf:
    """Return a token as a phrase that can have comments."""
    leaf = leaves[at]
    if not isinstance(leaf, Leaf):
        leaf = leaves[at] = Leaf(leaf if isinstance(leaf, str) else ",")
    return leaf


def gap_comments(gap: str, at_start: bool) -> tuple[str, list[str]]:
    """Return the comment on the line of the token before a gap, and the lines above the token behind it."""
    first, *others = gap.split("\n")
    trail = first.strip(" \t\r\f;")
    lead: list[str] = []
    if at_start and trail:  # no token is before it
        lead, trail = [trail], ""
    for i, line in enumerate(others):
        word = line.strip(" \t\r\f;")
        if word:
            lead.append(word.rstrip())
        elif i < len(others) - 1 and (not lead or lead[-1]):
            lead.append("")
    return trail.rstrip(), lead


# ---- rows of parts -------------------------------------------------------------------------------------------

_GLUED = frozenset(",:?.")


def _flat(part: Part) -> str | None:
    return part if isinstance(part, str) else part.flat


def _plain(part: Part) -> Part:
    """Return a token of one line as its text, once its comments have been taken from it."""
    return part.text if isinstance(part, Leaf) and not part.lead and not part.trail and "\n" not in part.text else part


def _row(children: list[Part], blank: str = " ") -> Part:
    """Return parts behind each other: with a blank between them, but for marks that touch the word before."""
    if all(c.__class__ is str for c in children):
        if blank:
            made = ""
            for c in children:
                made += c if not made or c in _GLUED or not c else f" {c}"  # type: ignore[operator]
            return made
        return "".join(children)  # type: ignore[arg-type]
    lead, trail, children = _lifted(children)
    parts: list[Part] = []
    flat: str | None = ""
    for child in children:
        if child == "":
            continue
        if parts and blank and child not in _GLUED and not (isinstance(child, Phrase) and child.tight):
            _add(parts, blank)
            flat = None if flat is None else flat + blank
        _add(parts, child)
        one = _flat(child)
        flat = None if flat is None or one is None else flat + one
    if len(parts) == 1 and not lead and not trail:
        return parts[0]
    made_row = Words(parts, flat)
    made_row.lead, made_row.trail = lead, trail
    return made_row


def _add(parts: list[Part], part: Part) -> None:
    """Append a part; a text goes to the text before it."""
    if isinstance(part, str) and parts and isinstance(parts[-1], str):
        parts[-1] += part
    elif isinstance(part, Words) and not part.lead and not part.trail:
        for inner in part.parts:
            _add(parts, inner)
    else:
        parts.append(part)


def _lifted(children: list[Part]) -> tuple[list[str], list[str], list[Part]]:
    """Take the comments from the parts of a row: those of its ends are the row's, others go into the next body."""
    if not any(isinstance(c, Phrase) and (c.lead or c.trail) for c in children):
        return [], [], children
    lead: list[str] = []
    trail: list[str] = []
    waiting: list[str] = []
    for i, child in enumerate(children):
        if not isinstance(child, Phrase):
            continue
        if child.lead and i:
            waiting += [c for c in child.lead if c]
        elif child.lead:
            lead = child.lead
        if waiting and _into_body(child, waiting):
            waiting = []
        if child.trail and i < len(children) - 1:
            waiting += child.trail
        elif child.trail:
            trail = child.trail
        child.lead, child.trail = [], []
    if waiting and not trail:
        trail = [waiting.pop()]
    return [*lead, *waiting], trail, [_plain(c) for c in children]


def _has_body(part: Part) -> bool:
    """Return whether a part is a body or ends with one."""
    if isinstance(part, Group):
        return part.body
    return isinstance(part, Words) and any(map(_has_body, part.parts))


def _into_body(part: Part, comments: list[str]) -> bool:
    """Put comments at the beginning of the first body in a part; return whether there is one."""
    if isinstance(part, Group) and part.body:
        part.opened = [*(part.opened or [""]), *comments]
        part.flat = None
        return True
    if isinstance(part, Words) and any(_into_body(p, comments) for p in part.parts):
        part.flat = None
        return True
    return False


def _breaks(segments: list[Part], inline: bool = True) -> Breaks:
    """Return segments that may have a line each; a comment forces that."""
    first, last = segments[0], segments[-1]
    lead: list[str] = []
    trail: list[str] = []
    if isinstance(first, Phrase) and inline:
        lead, first.lead = first.lead, []
    if isinstance(last, Phrase):
        trail, last.trail = last.trail, []
    segments = [_plain(s) for s in segments]
    flats = [_flat(s) for s in segments]
    inner = any(isinstance(s, Phrase) and (s.lead or s.trail) for s in segments)
    flat = None if inner or None in flats else " ".join(flats)  # type: ignore[arg-type]
    made = Breaks(segments, flat, inline)
    made.lead, made.trail = lead, trail
    return made


# ---- brackets ------------------------------------------------------------------------------------------------

_CLOSING = {"{": "}", "(": ")", "[": "]"}


def _is(part: Part, text: str) -> bool:
    return part == text or (isinstance(part, Leaf) and part.text == text)


def _bracketed(children: list[Part], empty: str = "{}", body: bool = False, pieces: list[Part] | None = None) -> Part:
    """Return the brackets that the children begin and end with, as a group.

    `empty` is how it is written without items, `body` whether two items never share a line; `pieces` are the items, where they are
    separated by nothing.
    """
    opening, closing = children[0], children[-1]
    mark = opening.text if isinstance(opening, Leaf) else str(opening)
    items: list[Part] = []
    blanks: set[int] = set()
    for child in pieces if pieces is not None else children[1:-1]:
        if isinstance(child, _Separator):
            if child is not _SEP:
                blanks.add(len(items))
        elif _is(child, ",") and pieces is None:
            _comma(items, child)
            if isinstance(child, Leaf) and child.blank:
                blanks.add(len(items))
        else:
            items.append(child)
    if not items and isinstance(opening, str) and isinstance(closing, str):
        return empty if mark == "{" else mark + closing
    items, blanks = _apart(items, blanks, False)
    group = Group(mark, items, _CLOSING[mark], "," if mark != "{" and pieces is None else "")
    group.blanks, group.body = blanks, body
    if isinstance(opening, Leaf):
        group.lead, group.opened = opening.lead, opening.trail
    if isinstance(closing, Leaf):
        group.closing, group.trail = closing.lead, closing.trail
    commented = group.opened or group.closing or any(isinstance(i, Phrase) and (i.lead or i.trail) for i in items)
    flats = [_flat(i) for i in items]
    alone = not body or (len(items) == 1 and not _has_body(items[0]))  # bodies do not nest on one line
    if not items and not commented:
        group.flat = empty if mark == "{" else mark + group.close
    elif not commented and None not in flats and alone:
        inner = (", " if pieces is None else " ").join(flats)  # type: ignore[arg-type]
        flat = f"{{ {inner} }}" if mark == "{" else f"{mark}{inner}{group.close}"
        group.flat = flat if len(flat) <= WIDTH else None
    return group


def _comma(items: list[Part], comma: Part) -> None:
    """Give the comment behind a comma to the item before it."""
    if isinstance(comma, Leaf):
        item = items[-1]
        if not isinstance(item, Phrase):
            item = items[-1] = Words([item], item)
        kept = [*item.trail, *comma.trail]
        item.trail = kept[-1:]
        item.lead = [*item.lead, *(c for c in comma.lead if c), *kept[:-1]]


def _closed(part: Part) -> Part:
    """Return brackets that are not broken, where their only item is a word: those of an index or of a list's type."""
    if isinstance(part, Group) and part.flat is not None and isinstance(part.items[0], str):
        made = Words([part.flat], part.flat)
        made.lead, made.trail = part.lead, part.trail
        return made
    return part


def _tight(part: Part) -> Part:
    """Return brackets before which no blank stands."""
    if isinstance(part, Phrase):
        part.tight = True
        return part
    made = Words([part], part)
    made.tight = True
    return made


# ---- builders ------------------------------------------------------------------------------------------------

_BUILDERS: dict[str, Builder] = {}


def _words(children: list[Part], start: int, end: int) -> Part:
    return children[0] if len(children) == 1 else _row(children)


def _joined(children: list[Part], start: int, end: int) -> Part:
    return children[0] if len(children) == 1 else _row(children, "")


def _brackets(empty: str, body: bool = False, tight: bool = False) -> Builder:
    def build(children: list[Part], start: int, end: int) -> Part:
        made = _bracketed(children, empty, body)
        return _tight(made) if tight else made

    return build


def _start(children: list[Part], start: int, end: int) -> File:
    items = [c for c in children if not isinstance(c, _Separator)]
    blanks: set[int] = set()
    count = 0
    for child in children:
        if not isinstance(child, _Separator):
            count += 1
        elif child is not _SEP:
            blanks.add(count)
    return File(*_apart(items, blanks, True), [])


def _before(children: list[Part], start: int, end: int) -> Part:
    """Build a chain of operators that stand at the beginnings of lines."""
    left, operator, right = children
    if isinstance(left, Breaks) and _chained(left, operator):
        return _longer(left, _row([operator, right]))
    return _breaks([left, _row([operator, right])])


def _behind(children: list[Part], start: int, end: int) -> Part:
    """Build a chain of operators that stand at the ends of lines."""
    left, operator, right = children
    if isinstance(left, Breaks) and _chained(left, operator):
        left.segments[-1] = _row([left.segments[-1], operator])
        return _longer(left, right, operator)
    made = _breaks([_row([left, operator]), right])
    made.fill = True
    return made


def _longer(chain: Breaks, segment: Part, operator: Part = "") -> Breaks:
    """Add a segment to a chain, in time that does not depend on its length."""
    if isinstance(segment, Phrase):
        chain.trail, segment.trail = segment.trail, []
        segment = _plain(segment)
    word, flat = _flat(operator), _flat(segment)
    commented = (isinstance(segment, Phrase) and segment.lead) or _commented(chain.segments[-1])
    if chain.flat is None or word is None or flat is None or commented:
        chain.flat = None
    else:
        joined = f"{chain.flat} {word} {flat}" if word else f"{chain.flat} {flat}"
        chain.flat = joined if len(joined) <= WIDTH else None
    chain.segments.append(segment)
    return chain


def _commented(part: Part) -> bool:
    return isinstance(part, Phrase) and bool(part.lead or part.trail)


def _chained(left: Breaks, operator: Part) -> bool:
    """Return whether the left side of an operator is a chain of operators that bind as it does."""
    if left.lead or left.trail or left.free or len(left.segments) < 2:
        return False
    return _level(operator) == _level_of(left)


def _level(operator: Part) -> int:
    word = operator if isinstance(operator, str) else getattr(operator, "text", "")
    return _LEVELS.get(word, 0)


_LEVELS = {"or": 1, "and": 2, "??": 3, "+": 4, "-": 4, "*": 5, "/": 5, "//": 5, "%": 5}


def _level_of(chain: Breaks) -> int:
    """Return how the operators of a chain bind, by the word that its second segment begins or its first one ends with."""
    second = _edge(chain.segments[1], 0).split(" ", 1)[0]
    if second in ("or", "and", "??"):
        return _LEVELS[second]
    return _LEVELS.get(_edge(chain.segments[0], -1).rsplit(" ", 1)[-1], 0)


def _edge(part: Part, at: int) -> str:
    if isinstance(part, Words):
        return _edge(part.parts[at], at)
    return part if isinstance(part, str) else ""


def _compare(children: list[Part], start: int, end: int) -> Part:
    left, operator, right = children
    return _breaks([_row([left, operator]), right])


def _conditional(children: list[Part], start: int, end: int) -> Part:
    then, word, condition, other, otherwise = children
    others: list[Part] = [otherwise]
    if isinstance(otherwise, Breaks) and otherwise.free and not (otherwise.lead or otherwise.trail):
        others = otherwise.segments  # `a if b else c if d else e` is one chain
    last = [_row([other, others[0]]), *others[1:]]
    commented = any(isinstance(c, Phrase) and (c.lead or c.trail) for c in children[:3])
    made = _breaks([_row([then, word, condition]), *last])
    if not commented:
        made.free = [then, _row([word, condition]), *made.segments[1:]]
    return made


def _union(children: list[Part], start: int, end: int) -> Part:
    return _breaks([children[0], *(_row(children[i : i + 2]) for i in range(1, len(children), 2))])


def _pipeline(children: list[Part], start: int, end: int) -> Part:
    return _breaks([_row(children[i : i + 2]) for i in range(0, len(children), 2)], inline=False)


def _listed(children: list[Part], start: int, end: int) -> Part:
    """Build parts that are separated by commas without brackets."""
    segments: list[Part] = []
    for child in children:
        if child is _COMMA_BLANK or _is(child, ","):
            segments[-1] = _row([segments[-1], "," if child is _COMMA_BLANK else child])
        else:
            segments.append(child)
    return segments[0] if len(segments) == 1 else _breaks(segments)


def _with(children: list[Part], start: int, end: int) -> Part:
    return _row([children[0], _listed(children[1:], start, end)])


def _link(children: list[Part], start: int, end: int) -> Part:
    word, sources, arrow, targets, *block = children
    return _row([word, _breaks([sources, _row([arrow, targets])]), *block])


def _reaction(children: list[Part], start: int, end: int) -> Part:
    last = max((i for i, c in enumerate(children) if c is _COMMA_BLANK or _is(c, ",")), default=-1)
    if last < 0:
        return _words(children, start, end)
    first = 1 if _is(children[0], "on") else 0
    return _row([*children[:first], _listed(children[first : last + 2], start, end), *children[last + 2 :]])


def _comprehension(children: list[Part], start: int, end: int) -> Part:
    opening, item, clauses, closing = children
    pieces = clauses.segments if isinstance(clauses, Breaks) and not (clauses.lead or clauses.trail) else [clauses]
    return _bracketed([opening, closing], pieces=[item, *pieces])


def _generator(children: list[Part], start: int, end: int) -> Part:
    loop = _row(children[:4])
    return loop if len(children) == 4 else _breaks([loop, _row(children[4:])])


def _record_comprehension(children: list[Part], start: int, end: int) -> Part:
    # a newline inside of braces separates phrases, so that it is one item
    clauses = children[-2]
    clauses = _row(clauses.segments) if isinstance(clauses, Breaks) else clauses
    inner = _row([_tight_key(children[1:4]), *children[4:-2], clauses])
    return _bracketed([children[0], inner, children[-1]])


def _tight_key(children: list[Part]) -> Part:
    return _row(children, "")


def _computed_entry(children: list[Part], start: int, end: int) -> Part:
    return _row([_tight_key(children[:3]), *children[3:]])


def _index(children: list[Part], start: int, end: int) -> Part:
    return _row([children[0], _tight(_closed(_bracketed(children[1:])))], "")


def _slice(children: list[Part], start: int, end: int) -> Part:
    base, opening, *bounds, closing = children
    return _row([base, _tight(_bracketed([opening, _row(bounds, ""), closing]))], "")


def _count(children: list[Part], start: int, end: int) -> Part:
    return _row([children[0], _row(children[1:], "")])


def _parenthesised(children: list[Part], start: int, end: int) -> Part:
    return children[0] if len(children) == 1 else _bracketed(children)


def _holder(children: list[Part], start: int, end: int) -> Part:
    """Build an agent or a team, whose attributes are its body."""
    body = children[-1]
    if isinstance(body, Group):
        body.body = True
        body.flat = body.flat if len(body.items) == 1 else None
    return _row([*children[:-1], "{ }" if body == "{}" else body])


def _list_type(children: list[Part], start: int, end: int) -> Part:
    return _closed(_bracketed(children))


def _model_list(children: list[Part], start: int, end: int) -> Part:
    return _row([*children[:3], _bracketed(children[3:])])


def _scenario(children: list[Part], start: int, end: int) -> Part:
    word, name, opening, *inner, closing = children
    return _row([word, name, _bracketed([opening, _row(inner), closing])])


def _block(children: list[Part], start: int, end: int) -> Part:
    return _bracketed(children, "{ }")


class _Described(Words):
    """A documentation string on the line of what it describes. It gets a line of its own, but for the first one of a file: there it
    would describe the file."""

    __slots__ = ()


def _described(children: list[Part], start: int, end: int) -> Part:
    made = _Described(children, None)
    flats = [_flat(c) for c in children]
    made.flat = None if None in flats else " ".join(flats)  # type: ignore[arg-type]
    return made


def _apart(items: list[Part], blanks: set[int], first: bool) -> tuple[list[Part], set[int]]:
    """Put each documentation string on a line of its own; not that of the first item of a file."""
    if not any(isinstance(i, _Described) for i in items):
        return items, blanks
    found: list[Part] = []
    kept: set[int] = set()
    for i, item in enumerate(items):
        if i in blanks:
            kept.add(len(found))
        if isinstance(item, _Described):
            found += item.parts if i or not first else [_row(item.parts)]
        else:
            found.append(item)
    return found, kept


_BUILDERS.update(
    {
        **dict.fromkeys(("field", "path_field", "dotted_field", "qualified", "optional", "negate", "minus", "spread", "call"), _joined),
        **dict.fromkeys(("index", "path_index", "map_type"), _index),
        **dict.fromkeys(("list", "list_pattern", "parenthesised", "_moment", "_type_atom"), _parenthesised),
        **dict.fromkeys(("record", "record_type"), _brackets("{}")),
        **dict.fromkeys(("members", "statements", "checks", "steps", "criteria", "sett_items"), _brackets("{ }", body=True)),
        **dict.fromkeys(("arguments", "parameters"), _brackets("()", tight=True)),
        **dict.fromkeys(("block", "answers"), _block),
        **dict.fromkeys(("described", "described_member"), _described),
        **dict.fromkeys(("agent", "team"), _holder),
        **dict.fromkeys(("or_", "and_", "coalesce"), _before),
        **dict.fromkeys(("add", "multiply"), _behind),
        **dict.fromkeys(("ports",), _listed),
        "start": _start,
        "compare": _compare,
        "conditional": _conditional,
        "union": _union,
        "pipeline": _pipeline,
        "with_": _with,
        "after_steps": _with,
        "link": _link,
        "reaction": _reaction,
        "comprehension": _comprehension,
        "generator": _generator,
        "record_comprehension": _record_comprehension,
        "computed_entry": _computed_entry,
        "list_type": _list_type,
        "slice": _slice,
        "count": _count,
        "model_list": _model_list,
        "scenario": _scenario,
    }
)  # fmt: skip


def _rules() -> lalr.Rules:
    """Return the rules of the grammar with these builders: each keeps all of its tokens, and none keeps a place for what is absent."""
    rules: list[lalr.Written] = []
    for left, length, name, kept, mode in RULES:
        spliced = {k - _SPLICED for k in kept if k >= _SPLICED}
        places = tuple(i + _SPLICED if i in spliced else i for i in range(length))
        if mode == 1 and length != 1:
            mode = 0
        if length == 0 and name != "start":
            name = _ABSENT
        rules.append((left, length, name, places, mode))
    names = {rule[2] for rule in rules}
    return lalr.Rules({**dict.fromkeys(names, _words), **_BUILDERS, _ABSENT: _nothing}, rules)


_ABSENT = ""
"""The name of the builder of rules without symbols."""


def _nothing(children: list[Part], start: int, end: int) -> Part:
    return ""


_RULES = _rules()
