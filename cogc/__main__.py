"""`python -m cogc` is the command `cogc`: like that, it imports nothing from the working directory, which agents may write."""

import sys

if not sys.flags.safe_path and __name__ == "__main__":
    del sys.path[0]

from cogc.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
