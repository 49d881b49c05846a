"""How gunicorn serves the board; it is read from the folder that the server starts in.

The worker is gevent's, so that a stream is a greenlet and not a thread.
"""

import gc
import logging
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from feed.settings import InvalidSetting, Settings

SHORT_REQUESTS = 1000  # connections kept free of streams, so that /healthz answers
# A stream is many small objects that live long. By Python's thresholds (700, 10, 10)
# the garbage collector looks at them over and over while thousands come at once.
GC_THRESHOLDS = (20_000, 20, 20)

try:
    settings = Settings.from_env()
except InvalidSetting as error:
    sys.exit(f"liveboard: {error}")

host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = f"{host}:{settings.port}"
worker_class = "gevent"
# Without a shared log each process has one of its own, and would tell another story.
workers = settings.web_concurrency if settings.redis_url else 1
if settings.redis_url:
    # gevent would look up host names in a thread, which stays, and with a second thread
    # every system call costs a third more. Its c-ares resolver needs none.
    os.environ.setdefault("GEVENT_RESOLVER", "ares")
FIGURES = "PROMETHEUS_MULTIPROC_DIR"  # where the workers share their figures
figures_folder = None  # the one that is made here, and so is removed at the end
if workers > 1 and FIGURES not in os.environ:
    figures_folder = tempfile.mkdtemp(prefix="liveboard-figures-")
    os.environ[FIGURES] = figures_folder
worker_connections = settings.max_streams + SHORT_REQUESTS
backlog = 8192  # connections that wait to be accepted, when all come back at once
max_requests = 0  # a worker that stops accepting while its streams live on is no use
graceful_timeout = 4  # streams end within 1 s of SIGTERM, the worker within 5
keepalive = 2  # seconds; short enough for an idle connection not to delay an exit
timeout = 30
limit_request_line = 8190  # a view may name many symbols
forwarded_allow_ips = ""  # the board itself reads X-Forwarded-* (TRUSTED_PROXIES)
control_socket_disable = True
# Where an access log is asked for: gunicorn's own form without user, query and
# referrer, in each of which somebody may put a token.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s "%(a)s"'


def on_starting(server: Any) -> None:
    """Warn of what the settings ask for and this machine or version can't give."""
    asked = max(settings.web_concurrency, server.cfg.workers)
    if asked > 1 and not settings.redis_url:
        server.log.warning(
            "WEB_CONCURRENCY=%d: running 1 worker, since without REDIS_URL each "
            "worker would show other prices",
            asked,
        )
        server.num_workers = 1
    _raise_file_limit(server)


def when_ready(server: Any) -> None:
    """Say in one line where to look."""
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    server.log.info("Liveboard is at http://%s:%d", shown, settings.port)


def post_worker_init(worker: Any) -> None:
    """Start the feed, and let it drain from the moment that the worker is terminated.

    gunicorn has no hook for SIGTERM: its worker only notes it, and looks up to a second
    later. By then the streams have said `bye`, and another process leads.
    """
    worker.log.error_log.addFilter(_without_what_was_sent)
    gc.collect()
    gc.freeze()  # what is here now stays
    gc.set_threshold(*GC_THRESHOLDS)
    feed = worker.wsgi.extensions["feed"]

    def handle_sigterm(number: int, frame: FrameType | None) -> None:
        worker.handle_exit(number, frame)
        feed.drain()

    signal.signal(signal.SIGTERM, handle_sigterm)
    feed.start()
    if workers > 1:
        from web.ops import share_figures  # not before the variable for it is set

        share_figures(worker.wsgi)


def worker_int(worker: Any) -> None:
    """Close the feed on SIGINT and SIGQUIT, before the worker cuts off its requests."""
    _close_feed(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Close the feed, whatever ended the worker: a signal, or the death of its master.

    gunicorn also calls this in the master, for a worker that is gone.
    """
    if worker.pid != os.getpid():
        return
    _close_feed(worker)
    if worker.ppid != os.getppid():  # the master was killed, so it can't do this
        _remove_figures()


def child_exit(server: Any, worker: Any) -> None:
    """Let what a worker had open no longer count; what it counted still does."""
    if workers > 1:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_exit(server: Any) -> None:
    """Remove what the workers shared."""
    _remove_figures()


def _close_feed(worker: Any) -> None:
    app = getattr(worker, "wsgi", None)  # None if the worker failed to load it
    if app is not None:
        app.extensions["feed"].close()


def _remove_figures() -> None:
    if figures_folder:
        shutil.rmtree(figures_folder, ignore_errors=True)


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """Cut what is no HTTP out of the line about it: it may hold a token."""
    said = r"(Invalid request from ip=\S+: [^:]*).*"
    record.msg = re.sub(said, r"\1", str(record.msg), flags=re.DOTALL)
    return True


def _raise_file_limit(server: Any) -> None:
    """Ask for a file descriptor for each connection: many systems start at 1024."""
    wanted = worker_connections + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        return
    granted = wanted if hard == unlimited else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    if granted < wanted:
        server.log.warning(
            "MAX_STREAMS=%d needs %d open files, the system allows %d: raise the limit "
            "(ulimit -n) or set MAX_STREAMS=%d",
            settings.max_streams,
            wanted,
            granted,
            max(granted - SHORT_REQUESTS - 200, 1),
        )
