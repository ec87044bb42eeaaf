"""Governance: who may change what, and the proof of who did. May import core to execution.

Empty today. The policy store, trade state, audit chain, orchestrator, observer, stages and journal will
live here.
"""
