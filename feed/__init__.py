"""The feed: one log of events, the streams that read it, the sources that fill it.

Nothing in here knows HTTP, Flask or gevent; it is written with plain threads.
"""
