"""Lines: a part's questions to another part as typed calls, each satisfying the port of whoever asks.

Nothing is decided here: a line spells a question, waits for its answer within a time, and says Retryable when there is
none.
"""
