"""Receives webhooks of the hotline: checks their signature, and takes each event once.

    python3 webhook.py whsec_… 8080

Put it behind a server that ends TLS: addresses of webhooks are https. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

TOLERANCE = 300
"""Seconds that a clock may be wrong, or a request be under way."""


def fits(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the request is from the hotline, whole, and not an old one played again."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent = headers["webhook-timestamp"]
    said = f"{headers['webhook-id']}.{sent}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    fresh = abs(now - int(sent)) <= TOLERANCE
    return fresh and any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split())


class Receiver(BaseHTTPRequestHandler):
    secret = ""
    known: ClassVar[set[str]] = set()  # a real receiver keeps them where a restart does not lose them

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            good = fits(self.secret, self.headers, body, time.time())
        except (KeyError, TypeError, ValueError):
            good = False
        if good and self.headers["webhook-id"] not in self.known:
            event = json.loads(body)
            print(event["order"], event["type"], event["data"], flush=True)
            self.known.add(self.headers["webhook-id"])
        self.send_response(204 if good else 401)  # 401 is tried again in some hours, and shown to an administrator
        self.end_headers()


if __name__ == "__main__":
    Receiver.secret = sys.argv[1]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver).serve_forever()
