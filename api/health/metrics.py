"""Figures of the HTTP service for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

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


class Workers(Collector):
    """What the workers have told of themselves, each sample with the label ``worker``: they listen on nothing."""

    def __init__(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        for worker, facts in sorted(self._told.items()):
            for sample in facts.get("metrics", []):
                name = str(sample["name"])
                metric = found.setdefault(name, Metric(name, "Told by the workers.", "unknown"))
                metric.add_sample(name, {**sample["labels"], "worker": worker}, float(sample["value"]))
        yield from found.values()
