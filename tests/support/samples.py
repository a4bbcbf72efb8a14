"""What Prometheus would read in an answer: each sample by its name and labels."""

from __future__ import annotations

from urllib.request import ProxyHandler, build_opener

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from reports.budgets import Document
from reports.prometheus import Exposition
from tests.support.patience import PATIENCE_S

Samples = dict[str, float]


def samples_in(text: str) -> Samples:
    """``name``, or ``name{label=value,...}`` with the labels in order, of each; no two are alike."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    samples = {
        sample.name
        + (
            f"{{{','.join(f'{key}={value}' for key, value in sorted(sample.labels.items()))}}}" if sample.labels else ""
        ): sample.value
        for sample in found
    }
    assert len(samples) == len(found)
    return samples


def exposed(document: Document | None) -> str:
    """The text that tells of a document."""
    exposition, registry = Exposition(), CollectorRegistry()
    registry.register(exposition)
    exposition.document = document
    return generate_latest(registry).decode()


def scrape(url: str) -> str:
    """What is answered there."""
    with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE_S) as answer:
        text: str = answer.read().decode()
        return text
