"""Execution: from a granted position to orders, fills and cash, exactly. May import core to risk.

The life of an order, exits that only tighten, the bounded queue of signals, margin, the ledger, and the
simulated venue, which is never kinder than the market could have been.
"""
