"""Cards: a version of the registry as its model card, so that a card can only say what a manifest does."""

from qt_ray.adapters.models.registry import Registry
from qt_ray.core.codec import decode
from qt_ray.monitoring.model_card import Subject, card


def card_of(registry: Registry, version: str) -> str:
    """Return the card of a version, as Markdown."""
    return card(Subject(version, registry.entry(version).status, decode(registry.manifest(version).content)))
