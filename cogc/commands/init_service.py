"""The files of `cogc init --service`: what makes a project a service of systemd, and an image of a container."""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
import sys

PRIVATE = "service.env"
"""The file with the secrets of the service, which nobody else may read."""
_UNIT = """# A service of systemd. To install it:
#   systemctl link %(folder)s/%(name)s.service && systemctl enable --now %(name)s
[Unit]
Description=%(name)s, a system of coglets
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
WorkingDirectory=%(folder)s
EnvironmentFile=%(folder)s/service.env
ExecStart=%(cogc)s serve main.cog --token SERVICE_TOKEN --instance %(name)s --state ${STATE_DIRECTORY}
ExecStartPost=%(python)s %(folder)s/healthcheck.py readyz 30
Restart=on-failure
RestartSec=2
TimeoutStopSec=20
StateDirectory=%(name)s
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""
_CONTAINER = """# An image with the service:
#   podman build -t %(name)s .
#   podman run -d --name %(name)s -p 4517:4517 --env-file service.env -v %(name)s:/var/lib/cogc %(name)s
ARG BASE=docker.io/library/python:3.12-slim
FROM ${BASE}
ARG COGC="cogc[serve,mcp]"
RUN pip install --no-cache-dir "${COGC}" && mkdir -p /var/lib/cogc && chown 65534:65534 /var/lib/cogc
WORKDIR /srv
COPY . /srv/
USER 65534
VOLUME /var/lib/cogc
EXPOSE 4517
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "healthcheck.py"]
CMD ["cogc", "serve", "main.cog", "--serve", "0.0.0.0:4517", "--token", "SERVICE_TOKEN", "--instance", "%(name)s", "--state", "/var/lib/cogc"]
"""
_HEALTH = '''"""Ask the service whether it is well: `python healthcheck.py [healthz|readyz] [SECONDS]`. Exit code 0 if it is."""

import sys
import time
import urllib.request

route = sys.argv[1] if len(sys.argv) > 1 else "healthz"
end = time.monotonic() + (float(sys.argv[2]) if len(sys.argv) > 2 else 0)
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:4517/{route}", timeout=3).close()
        break
    except OSError as error:
        if time.monotonic() >= end:
            sys.exit(f"{route}: {error}")
        time.sleep(0.2)
'''
_ENV = """# The environment of the service. It holds secrets: it belongs into no repository and into no image.
SERVICE_TOKEN=%(token)s
# ANTHROPIC_API_KEY=...
"""
_KEPT_OUT = "service.env\n*.jsonl\n"


def files(folder: str, name: str) -> dict[str, str]:
    """Return the files of a service whose project is in a folder, by their names. The token is drawn anew each time."""
    plain = re.sub(r"[^a-z0-9_-]", "-", name.lower()).strip("-") or "service"
    cogc = shutil.which("cogc")
    words = {
        "folder": folder,
        "name": plain,
        "cogc": shlex.quote(cogc) if cogc else f"{shlex.quote(sys.executable)} -m cogc",
        "python": shlex.quote(sys.executable),
        "token": secrets.token_urlsafe(32),
    }
    return {
        f"{plain}.service": _UNIT % words,
        "Containerfile": _CONTAINER % words,
        "healthcheck.py": _HEALTH,
        PRIVATE: _ENV % words,
        ".gitignore": _KEPT_OUT,
        ".containerignore": f"{_KEPT_OUT}.git\n*.service\n",
    }
