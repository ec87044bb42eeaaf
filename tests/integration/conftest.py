"""Fixtures of several files: a Ray that they share."""

from tests.integration.cluster import namespace, ray_head

__all__ = ["namespace", "ray_head"]
