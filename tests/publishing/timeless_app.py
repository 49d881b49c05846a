"""A board whose loops never turn: `gunicorn tests.publishing.timeless_app:app`.

So an event that a subscriber gets from it did not wait for any timer.
"""

from unittest.mock import patch

import feed.streams.fanout
from app import create_app
from feed.alone import Alone
from feed.feed import Feed
from feed.settings import Settings

HOUR = 3600.0

patch.object(Feed, "_watch_streams", lambda _: None).start()
patch.object(Alone, "run", lambda *_: None).start()
patch.object(feed.streams.fanout, "IDLE", HOUR).start()

app = create_app(Settings(feed="published", publish_tokens=("secret",), heartbeat=HOUR))
