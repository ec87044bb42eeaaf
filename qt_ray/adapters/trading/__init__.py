"""Trading: the shells that carry out what the pure machines of execution decide: one loop, one journal, one session."""
