"""Installs what the policy needs where it plays in a tournament: `cogames upload ... --setup-script setup_policy.py`."""

from __future__ import annotations

import subprocess
import sys

subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "cogc"], check=True)
