"""Adapters: all power over the world, and no opinion. May import core to monitoring.

Files, configuration, the catalogue of market data, data frames and the one wall clock. What comes in is
checked here and leaves as a value, so that nobody inside has to ask again.
"""
