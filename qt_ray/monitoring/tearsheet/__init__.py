"""The tearsheet: a run as one page that people want to look at, and that hides nothing from them."""

from qt_ray.monitoring.tearsheet.page import render, rendered

__all__ = ["render", "rendered"]
