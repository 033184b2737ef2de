"""What is counted of a service, for Prometheus. No name of a query, a caller or a file is in it."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "gindex_requests", "Requests that were answered.", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "gindex_request_seconds", "From a request to the end of its answer.", ["method", "route"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self.accepted = Counter("gindex_accepted_jobs", "Queries taken in.", registry=self._registry)
        self._gauges: dict[str, Gauge] = {}

    def text(self, jobs: Mapping[str, int], now: Mapping[str, tuple[str, float]]) -> bytes:
        """The exposition; `jobs` by state, and what is true now: name -> what it is, value."""
        gauge = self._gauge("gindex_jobs", "Queries by state.", ["state"])
        for state in ("queued", "running", "done", "failed"):
            gauge.labels(state).set(jobs.get(state, 0))
        for name, (what, value) in now.items():
            self._gauge(name, what, []).set(value)
        return generate_latest(self._registry)

    def _gauge(self, name: str, what: str, labels: list[str]) -> Gauge:
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, what, labels, registry=self._registry)
        return self._gauges[name]
