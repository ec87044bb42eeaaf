"""Serve: the fund over HTTP and WebSocket. May import all but cli.

The console's API is a plain application behind a gate; `console` puts it on Ray Serve.
"""
