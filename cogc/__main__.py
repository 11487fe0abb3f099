"""`python -m cogc` is the command `cogc`."""

from cogc.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
