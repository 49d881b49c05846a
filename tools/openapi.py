"""`make check`: print the OpenAPI document, from which the page's types are made."""

import sys

from app import create_app
from feed.settings import Settings
from web.openapi import openapi

if __name__ == "__main__":
    with create_app(Settings(feed="published")).test_request_context():
        sys.stdout.buffer.write(openapi().data)
