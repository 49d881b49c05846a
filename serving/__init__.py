"""How the board is served: gunicorn's worker, its connections, its log and figures.

gunicorn's master loads this package before gevent replaces the blocking functions of
the standard library. So it must not import Flask or a module of `web/`.
"""
