"""Market: from what a venue reports to what a decision may read. May import core.

Ticks become bars, bars pass a quality gate that keeps bad rows out and repairs none, and causal
features and the regime are made by one implementation for a stream and for a block. The synthetic
market lives here too.
"""
