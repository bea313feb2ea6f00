"""Figures of the HTTP service for Prometheus, in a registry of their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
REQUESTS = Counter("hotline_http_requests", "Requests answered.", ["method", "path", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "hotline_http_seconds",
    "Seconds from a request's first byte to the answer's last.",
    ["path"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
    registry=REGISTRY,
)
STREAMS = Gauge("hotline_http_event_streams", "Open streams of live events.", registry=REGISTRY)
EVENTS = Counter("hotline_http_events", "Events given to streams.", registry=REGISTRY)
CUT = Counter("hotline_http_event_streams_reset", "Streams told to reload, by why.", ["why"], registry=REGISTRY)
SIGN_INS = Counter("hotline_sign_ins", "Attempts to sign in, by how they ended.", ["outcome"], registry=REGISTRY)
UP = Gauge("hotline_up", "Whether a part answers: 1 yes, 0 no.", ["part"], registry=REGISTRY)
WORKER_AGE = Gauge("hotline_worker_heard_seconds", "Seconds since a worker read the stream.", ["group"], registry=REGISTRY)
