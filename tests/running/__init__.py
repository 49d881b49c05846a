"""The board as a whole: settings, URLs, operation, deployment, documents."""
