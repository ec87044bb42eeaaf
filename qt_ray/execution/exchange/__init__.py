"""Exchange: a whole futures exchange as one deterministic value machine: books, margin, algo orders, funding, ends.

It knows nothing of sockets or JSON; whoever drives it brings the time and the market with each call.
"""
