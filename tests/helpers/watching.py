"""Lets the pages of a board report their faults, in the same way in every browser.

The first script of each page sends its errors, unhandled rejections and breaches of the
content security policy to the board, which logs them. So they are seen from the first
script on, in frames too, and after the page has gone.
"""

import json
from collections.abc import Callable

from flask import Flask, Response, request
from jinja2 import BaseLoader, Environment

FAULT = "fault of a page: "
WATCH = """{
  let isLeft = false; // A page that is left gives up what it loads, as WebKit reports.
  const pending = [];
  const send = (text) => {
    pending.push(`${location.pathname}: ${text}`);
    const isSent = () => navigator.sendBeacon("/faults", pending[0]);
    while (pending.length > 0 && isSent()) pending.shift();
  };
  addEventListener("error", ({ message, filename, lineno, target }) => {
    if (message) send(`${message} (${filename}:${lineno})`);
    else if (!isLeft) send(`not loaded: ${target.outerHTML}`);
  }, true);
  addEventListener("beforeunload", () => { isLeft = true; });
  addEventListener("pageshow", () => { isLeft = false; });
  addEventListener("unhandledrejection", ({ reason }) => {
    if (!isLeft) send(`rejected: ${reason}`);
  });
  document.addEventListener("securitypolicyviolation", (event) => {
    const { violatedDirective, blockedURI, sourceFile } = event;
    send(`${violatedDirective} forbids ${blockedURI} (${sourceFile})`);
  });
}"""


class WatchingLoader(BaseLoader):
    """Loads templates, and puts the watching script before all others."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        text, path, is_fresh = self._loader.get_source(environment, template)
        script = '<head><script src="/watch.js"></script>'
        return text.replace("<head>", script, 1), path, is_fresh


def watch(app: Flask) -> None:
    """Let the pages of an application report their faults."""
    loader = app.jinja_env.loader
    assert loader
    app.jinja_env.loader = WatchingLoader(loader)
    app.add_url_rule("/watch.js", view_func=send_watch)
    app.add_url_rule("/faults", view_func=log_fault, methods=["POST"])


def send_watch() -> Response:
    return Response(WATCH, content_type="text/javascript; charset=utf-8")


def log_fault() -> Response:
    print(FAULT + json.dumps(request.get_data(as_text=True)), flush=True)
    return Response(status=204)
