"""A board whose workers each lead a log of their own, to see how each of them ends.

Their figures are written when a worker starts and when it closes, and not in between.
"""

import os
from unittest.mock import patch

import msgspec

import web.ops
from app import create_app
from feed.settings import Settings

patch.object(web.ops, "WRITE_INTERVAL", 3600.0).start()

settings = Settings.from_env()
prefix = f"{settings.redis_prefix}{os.getpid()}:"
app = create_app(msgspec.structs.replace(settings, redis_prefix=prefix))
