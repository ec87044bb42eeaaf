"""Serve: the fund over HTTP and WebSocket. May import all but cli.

Empty today. The inference app and the console's API, with the dashboard's files, will live here.
"""
