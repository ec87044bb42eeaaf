"""Jobs: long work with a beginning and an end. May import all but actors, serve and cli.

The backtest and its forecasts on one process or several; training, sweeps over a cluster and shadow
runs follow. A job's result never depends on how many hands did it.
"""
