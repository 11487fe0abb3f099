# Sourced: makes the environment of this example once, in .venv beside it, and sets `python`. CVC_PYTHON is one that is ready.
python=${CVC_PYTHON:-$here/.venv/bin/python}
if ! "$python" -c "import cogames, cogc" 2>/dev/null; then
  [ -z "${CVC_PYTHON:-}" ] || { echo "cvc: $CVC_PYTHON has no cogames, or no cogc: pip install 'cogc[cvc]'" >&2; exit 2; }
  for base in python3.12 python3.11 python3; do
    "$base" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))" 2>/dev/null && break
    base=
  done
  [ -n "$base" ] || { echo "cvc: cogames needs Python 3.11 or 3.12" >&2; exit 2; }
  echo "cvc: making .venv with cogames; this takes about a minute" >&2
  "$base" -m venv "$here/.venv" && "$here/.venv/bin/pip" install --quiet --disable-pip-version-check "$here/../..[cvc]" >&2 &&
    "$python" -c "import cogames, cogc" || { echo "cvc: $here/.venv could not be made" >&2; exit 2; }
fi
