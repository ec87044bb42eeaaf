"""Actors: power over the cluster, as thin shells around plain classes. May import all but jobs, serve and
cli.

Empty today. The topology and the shells that move messages and restart, and decide nothing, will live
here.
"""
