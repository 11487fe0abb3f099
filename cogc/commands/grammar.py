"""`cogc grammar`: print the grammar of the cog notation.

It is printed as the compiler reads it (lark), in EBNF (ebnf), or as a grammar
for the highlighting of editors (textmate). The last two are made from the
first one.

Exit codes: 0 done.
"""

from __future__ import annotations

import sys

from cogc.disk.resources import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

FILES = {"ebnf": "cog.ebnf", "lark": "cog.lark", "textmate": "cog.tmLanguage.json"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=tuple(FILES), default="ebnf", help="the form to print (default: ebnf)")


def run(options: Namespace) -> int:
    sys.stdout.write((folder("grammar") / FILES[options.format]).read_text(encoding="utf-8"))
    return 0
