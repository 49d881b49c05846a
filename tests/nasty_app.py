"""A board whose log holds nasty values, for tests: `gunicorn tests.nasty_app:app`."""

from app import create_app
from feed.events.event import keyed
from feed.settings import Settings
from tests.nasty import nasty_events

app = create_app(Settings(feed="published"))
app.extensions["feed"].publish([keyed("first", "first", b"1")])
app.extensions["feed"].publish(nasty_events())
