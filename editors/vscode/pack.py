"""Packs the extension: `python editors/vscode/pack.py OUT.vsix`. It needs no network, once `npm install` has been run beside it.

A .vsix is a zip of the extension's folder with two files that describe it. Equal files give an equal package.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
_LEFT_OUT = {"pack.py", "package-lock.json"}
_TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="json" ContentType="application/json"/><Default Extension="js" ContentType="application/javascript"/>
  <Default Extension="md" ContentType="text/markdown"/><Default Extension="txt" ContentType="text/plain"/>
  <Default Extension="vsixmanifest" ContentType="text/xml"/><Default Extension="ts" ContentType="text/plain"/>
</Types>
"""
_MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/>
    <DisplayName>{title}</DisplayName>
    <Description xml:space="preserve">{description}</Description>
    <Categories>{categories}</Categories>
    <Properties><Property Id="Microsoft.VisualStudio.Code.Engine" Value="{engine}"/></Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
  </Assets>
</PackageManifest>
"""


def pack(out: Path) -> None:
    """Write the package."""
    about = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    facts = {
        "name": about["name"], "version": about["version"], "publisher": about["publisher"], "title": about["displayName"],
        "description": about["description"], "categories": ",".join(about["categories"]), "engine": about["engines"]["vscode"],
    }  # fmt: skip
    files = [p for p in sorted(HERE.rglob("*")) if p.is_file() and not _left_out(p.relative_to(HERE))]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        _add(package, "[Content_Types].xml", _TYPES.encode())
        _add(package, "extension.vsixmanifest", _MANIFEST.format_map({k: escape(v) for k, v in facts.items()}).encode())
        for path in files:
            _add(package, f"extension/{path.relative_to(HERE).as_posix()}", path.read_bytes())


def _left_out(path: Path) -> bool:
    return path.name in _LEFT_OUT or any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _add(package: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # with a fixed time, so that equal files give an equal package
    entry.compress_type = zipfile.ZIP_DEFLATED
    package.writestr(entry, data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if not (HERE / "node_modules" / "vscode-languageclient").is_dir():
        raise SystemExit("run `npm install --omit=dev` in editors/vscode first")
    pack(Path(sys.argv[1]))
