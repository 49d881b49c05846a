"""A board whose pages report their faults: `gunicorn tests.helpers.watched_app:app`."""

from app import app
from tests.helpers.watching import watch

watch(app)
