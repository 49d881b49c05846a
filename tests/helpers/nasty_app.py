"""A board whose log holds nasty values: `gunicorn tests.helpers.nasty_app:app`."""

from app import create_app
from feed.events.event import keyed
from feed.settings import Settings
from tests.helpers.nasty import nasty_events

app = create_app(Settings(feed="published"))
app.extensions["feed"].publish([keyed("first", "first", b"1")])
app.extensions["feed"].publish(nasty_events())
