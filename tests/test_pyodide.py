"""The checker in the browser: under Pyodide, it prints what it prints here. Skipped where node, Pyodide or msgspec's wheel is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.paths import ROOT

HERE = ROOT / "tests" / "pyodide"
WHEELS = sorted((HERE / "wheels").glob("*wasm32.whl"))
PURE = ("lark", "jinja2", "markupsafe", "yaml")

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "pyodide").is_dir() or not WHEELS,
    reason="no node, or `.ci/run` has not installed Pyodide and its wheels",
)


def packages(folder: Path) -> Path:
    """Make the folder of what cogc needs: packages of this environment without their compiled parts, and wheels of Pyodide."""
    for name in PURE:
        (place,) = importlib.util.find_spec(name).submodule_search_locations or ()  # type: ignore[union-attr]
        shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for wheel in WHEELS:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


def test_checks_a_graph_and_a_virtual_run_print_the_same_under_pyodide(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "GITHUB_ACTIONS": ""}
    here = subprocess.run([sys.executable, str(HERE / "script.py")], cwd=ROOT, env=env, capture_output=True, text=True)
    assert here.returncode == 0 and here.stderr == "", here.stderr
    words = ["node", str(HERE / "run.mjs"), str(ROOT), str(packages(tmp_path))]
    there = subprocess.run(words, cwd=HERE, capture_output=True, text=True, timeout=240)
    assert there.returncode == 0, there.stderr
    assert there.stdout == here.stdout
    assert here.stdout.endswith("[('n', 1), ('n', 2), ('n', 3)] [1.0, 2.0, 3.0] 3500000000\n[]\n"), here.stdout[-300:]
