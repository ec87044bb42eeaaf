"""Core: the values both ends of the house need, and imports nothing of ours.

Exact money, ids, instruments, orders as a union of states, positions, policy, events, effects, errors,
the canonical codec, packed records and the one way to compile. Everything here is a value or a function
of values.
"""
