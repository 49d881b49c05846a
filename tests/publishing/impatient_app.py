"""A board that waits half a second: `gunicorn tests.publishing.impatient_app:app`."""

from unittest.mock import patch

import web.publish
from app import create_app
from feed.settings import Settings

patch.object(web.publish, "RECEIPT", 0.5).start()

app = create_app(Settings(feed="published", publish_tokens=("secret",)))
