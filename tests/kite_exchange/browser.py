"""As much of a browser as a login needs, and a bare HTTP call where a test wants to see the bytes."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def redirect_of(url: str) -> str:
    """Open a page and return where it sends the browser."""
    status, headers, _ = fetch("GET", url)
    assert status == 302, status
    return headers["Location"]


def fetch(method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Make one HTTP call on a connection of its own; returns status, headers and body, as they came."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()
