"""The only place that knows HTTP: thin blueprints that parse, call the feed, answer."""

from typing import cast

from flask import current_app

from feed.feed import Feed


def the_feed() -> Feed:
    """Return the feed of the application that answers the request."""
    return cast(Feed, current_app.extensions["feed"])
