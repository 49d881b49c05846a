"""What a log that processes share may answer; without the library that reaches it.

A board of one process never loads that: it starts the sooner.
"""


class Unavailable(ConnectionError):
    """The shared log can't be reached; the message says why.

    Nothing was published, or nobody knows: with a key it can be published again.
    """


class Overtaken(Exception):
    """A key has changed since what was to be published was worked out."""
