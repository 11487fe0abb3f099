"""`cogc explain CODE`: what a diagnostic means, why it matters, how it looks when it fails and when it works."""

from __future__ import annotations

import sys

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.suggest import did_you_mean
from cogc.disk.resources import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", help="a code such as COG302 or 302, or its name such as unknown-name")


def run(options: Namespace) -> int:
    wanted = options.code.strip().strip("[]")
    wanted = f"COG{wanted}" if wanted.isdigit() else wanted
    for slug, (code, *_) in CODES.items():
        if wanted.upper() == code or wanted.lower() == slug:
            page = folder("specs") / "codes" / f"{code}-{slug}.md"
            sys.stdout.write(page.read_text(encoding="utf-8"))
            return 0
    known = [c for c, *_ in CODES.values()] + list(CODES)
    sys.stderr.write(
        f"cogc: there is no diagnostic `{options.code}`; {did_you_mean(wanted, known, 'see specs/codes/')}\n"
    )
    return 2
