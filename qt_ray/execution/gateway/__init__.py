"""Gateway: everything that is decided about an order between an approved intent and the venue, without any I/O.

Inputs come with their time, effects go out in order. What must survive a crash is in the book and nowhere else; the
book changes only by records, so its journal is its memory.
"""
