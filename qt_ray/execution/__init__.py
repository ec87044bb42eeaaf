"""Execution: from a granted position to orders, fills and cash, exactly. May import core to risk.

The life of an order, exits that only tighten, the bounded queue of signals, margin, the ledger, and the
simulated venue, which is never kinder than the market could have been. With a real one: the exact books, the
comparison of both, a stop for every position, and the way from anything to nothing.
"""
