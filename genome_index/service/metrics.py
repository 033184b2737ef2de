"""Metrics of the service for Prometheus, without names of queries, callers or files."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters and histograms of a service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "gindex_requests", "Answered requests.", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "gindex_request_seconds", "Seconds from a request to the end of its answer.", ["method", "route"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self.accepted = Counter("gindex_accepted_jobs", "Accepted queries.", registry=self._registry)
        self._gauges: dict[str, Gauge] = {}

    def text(self, jobs: Mapping[str, int], gauges: Mapping[str, tuple[str, float]]) -> bytes:
        """The text for Prometheus; `jobs` by state, and `gauges`: name -> description, value."""
        gauge = self._gauge("gindex_jobs", "Queries by state.", ["state"])
        for state in ("queued", "running", "done", "failed"):
            gauge.labels(state).set(jobs.get(state, 0))
        for name, (description, value) in gauges.items():
            self._gauge(name, description, []).set(value)
        return generate_latest(self._registry)

    def _gauge(self, name: str, description: str, labels: list[str]) -> Gauge:
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, description, labels, registry=self._registry)
        return self._gauges[name]
