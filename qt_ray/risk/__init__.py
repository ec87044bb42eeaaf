"""Risk: which of the positions wished for may be held; it only shrinks. May import core to ai.

Bands and the guard's table of rules, filters, drawdown, the emergency stop's table of transitions and
the governor's fusion by minimum. Every refusal has a reason, and every limit the name of the layer it
came from.
"""
