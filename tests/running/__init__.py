"""Tests of the whole board: settings, URLs, operation, deployment, documents."""
