"""Governance: who may change what, and the proof of who did. May import core to execution.

What must be remembered: the framing of the journal, what vouches for a snapshot, and the state of every trade. The
policy store, audit chain, orchestrator, observer and stages will live here.
"""
