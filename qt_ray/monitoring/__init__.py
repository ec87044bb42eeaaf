"""Monitoring: what happened, in numbers that tie to the ledger. May import core to engine.

Performance, round trips, blocks by rule, worst decisions and the tearsheet, which is a page of text
made from a run. What is not known is shown as unavailable. The last of the pure packages: nothing from
core to here touches the world.
"""
