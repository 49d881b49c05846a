"""The feed: one log of events, the streams that read it, the sources that fill it.

Nothing in here knows Flask or gevent: it is written with plain threads. Only
`commands/` and `streams/connection.py` know HTTP.
"""
