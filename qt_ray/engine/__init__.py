"""Engine: one cycle, the same in backtest, replay and live. May import core to governance.

A bar closes, the venue settles, the account is valued and watched, every symbol is decided upon, and
all of it is written down as packed rows whose bytes can be compared.
"""
