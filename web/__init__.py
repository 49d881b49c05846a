"""The HTTP interface: blueprints that parse a request, call the feed and respond."""

from typing import cast

from flask import current_app

from feed.feed import Feed


def the_feed() -> Feed:
    """Return the feed of the application that handles the current request."""
    return cast(Feed, current_app.extensions["feed"])
