"""AI: opinions and how much of one to hold, before any rule has looked at it. May import core and market.

A predictor turns closed bars and features into forecasts, a sizer turns a forecast into a wish. Today
both are rules a person can check by hand; models join behind the same port.
"""
