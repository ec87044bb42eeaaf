"""Features: what a model may know about a symbol, computed once for live, test and block alike."""
