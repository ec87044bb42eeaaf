"""Binance: the venue's real protocol behind our port. Paper, testnet and live differ by endpoints and keys only.

What is sent is a table, what is heard is read strictly, and an exception after bytes have left means nothing: it
becomes `Unsure`, never a no.
"""
