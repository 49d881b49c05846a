"""How gunicorn serves the board: its worker, and the connections that it keeps.

gunicorn's master loads this package before gevent replaces the blocking functions of
the standard library. So it must not import Flask or a module of `web/`.
"""
