"""`make check`: print the OpenAPI document, from which the page's types are made."""

import sys

from app import create_app
from feed.settings import Settings

if __name__ == "__main__":
    client = create_app(Settings(feed="published")).test_client()
    sys.stdout.buffer.write(client.get("/api/openapi.json").data)
