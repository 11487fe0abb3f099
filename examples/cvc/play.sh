#!/bin/sh
# Plays one episode offline, and prints a line of JSON last: ./play.sh [--seed N] [--steps N] [--policy CLASS]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
cd "$here" && exec "$python" play.py "$@"
