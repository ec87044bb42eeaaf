"""Venue: the words we exchange with any venue, as values, and the one port behind which each of them stands."""
