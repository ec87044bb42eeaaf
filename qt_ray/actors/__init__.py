"""Actors: power over the cluster, as thin shells around plain classes. May import all but jobs, serve and
cli.

`topology` is the table of parts, `launch` begins and watches them, `line` is how one asks another. A
shell moves messages and restarts; it decides nothing.
"""
