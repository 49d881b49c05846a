"""How gunicorn serves the board. gunicorn reads this file from its working directory.

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

# With `--chdir`, gunicorn reads this file before it changes to the board's folder.
sys.path.insert(0, str(Path(__file__).parent))

from feed.settings import InvalidSetting, Settings
from serving import servers
from serving.figures import FiguresFolder
from serving.sink import sink

SHORT_REQUESTS = 1000  # connections kept free of streams, so that /healthz answers
# A stream is many small objects that live long. With Python's thresholds (700, 10, 10)
# the garbage collector would scan them repeatedly while thousands of streams connect.
GC_THRESHOLDS = (20_000, 20, 20)

servers.configured = True
try:
    settings = Settings.from_env()
except InvalidSetting as error:
    sys.exit(f"liveboard: {error}")

host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = f"{host}:{settings.port}"
worker_class = "serving.worker.BoundedWorker"  # gevent's, with deadlines for clients
workers = settings.web_concurrency  # without REDIS_URL 1, see `nworkers_changed`
if settings.redis_url or settings.ask_url:
    # By default gevent looks up host names in a thread. The thread stays, and with a
    # second thread every system call costs a third more. c-ares needs no thread.
    os.environ.setdefault("GEVENT_RESOLVER", "ares")
FIGURES = "PROMETHEUS_MULTIPROC_DIR"  # where the workers share their figures
FIGURES_PREFIX = "liveboard-figures-"  # a folder of this name is removed at the end
worker_connections = settings.max_streams + SHORT_REQUESTS
backlog = 8192  # connections that may wait to be accepted when all clients reconnect
max_requests = 0  # never: a worker that is to be replaced would wait for its streams
graceful_timeout = 4  # streams end within 1 s of SIGTERM, the worker within 5
# Seconds that an idle connection is kept. Load balancers and pools keep theirs for less
# time (Google's for 600 s), so they close it, and no request is on its way at that
# moment. It doesn't delay an exit, and few are kept (`serving/slots.py`).
keepalive = 620
timeout = 30  # seconds without a sign of life after which a worker is replaced
limit_request_line = 8190  # a view may name many symbols
forwarded_allow_ips = ""  # the board itself reads X-Forwarded-* (TRUSTED_PROXIES)
control_socket_disable = True  # gunicorn would create the socket in the home folder
# If an access log is enabled: gunicorn's format without user, query and referrer, since
# any of these may contain a token.
logger_class = "serving.logger.PrintableLogger"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s "%(a)s"'


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    """Keep to one worker without Redis: each worker would have a log of its own.

    gunicorn calls this for every number of workers: from WEB_CONCURRENCY, from its
    command line, from a reload (SIGHUP), and one more for each SIGTTIN.
    """
    if new_value <= 1 or settings.redis_url:
        return
    from_setting = new_value == settings.web_concurrency
    server.log.warning(
        "%s: running 1 worker, since without REDIS_URL each worker would show other "
        "prices",
        f"WEB_CONCURRENCY={new_value}" if from_setting else f"{new_value} workers",
    )
    server.cfg.set("workers", 1)  # SIGHUP starts so many
    server.num_workers = 1


def on_starting(server: Any) -> None:
    """Refuse to start if the board can't be right, and prepare what a worker needs."""
    _never_wait_for_log(server)
    _refuse_other_workers(server)
    _refuse_second_log(server)
    _repeat_module_start(server)
    _make_figures(server)
    _raise_file_limit(server)
    for warning in settings.warnings():
        server.log.warning("%s", warning)


def on_reload(server: Any) -> None:
    """Set up the log again, which gunicorn has just replaced (SIGHUP)."""
    _never_wait_for_log(server)


def when_ready(server: Any) -> None:
    """Log the URL of the board."""
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    server.log.info("Liveboard is at http://%s:%d", shown, settings.port)


def post_worker_init(worker: Any) -> None:
    """Start the feed, and drain it as soon as the worker receives SIGTERM.

    gunicorn has no hook for SIGTERM. Its worker only sets a flag, and checks the flag
    up to a second later. By then the streams have said `bye`, and another process may
    lead.
    """
    worker.log.error_log.addFilter(_remove_raw_bytes)
    gc.collect()
    gc.freeze()  # the modules that are loaded by now stay for good
    gc.set_threshold(*GC_THRESHOLDS)
    feed = worker.wsgi.extensions["feed"]

    def handle_sigterm(number: int, frame: FrameType | None) -> None:
        worker.handle_exit(number, frame)
        feed.drain()

    signal.signal(signal.SIGTERM, handle_sigterm)
    feed.start()
    if FIGURES in os.environ and settings.redis_url:
        from web.ops import share_figures

        share_figures(worker.wsgi, Path(os.environ[FIGURES]))


def worker_int(worker: Any) -> None:
    """Close the feed on SIGINT and SIGQUIT, before the worker drops its requests."""
    _close_feed(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Close the feed whenever a worker exits: by a signal, or since its master died.

    gunicorn calls this in the worker, but also in the master if a worker has vanished.
    """
    if worker.pid != os.getpid():
        return
    _close_feed(worker)
    if worker.ppid != os.getppid():  # the master died, so `on_exit` won't run
        _remove_figures()


def child_exit(server: Any, worker: Any) -> None:
    """Drop the gauges of a worker that has exited, and keep its counters."""
    if FIGURES in os.environ and settings.redis_url:
        fault = FiguresFolder(Path(os.environ[FIGURES])).end(worker.pid)
        if fault:
            server.log.warning("The figures of worker %d: %s", worker.pid, fault)


def on_exit(server: Any) -> None:
    """Remove the files in which the workers shared their figures."""
    _remove_figures()


def _never_wait_for_log(server: Any) -> None:
    """Let gunicorn drop a line of its log rather than wait for the log's reader.

    The workers inherit it. A log file (`--error-logfile`) stays as it is.
    """
    for logger in (server.log.error_log, server.log.access_log):
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setStream(sink(handler.stream.fileno()))


def _refuse_other_workers(server: Any) -> None:
    """Exit unless the workers are the board's: others block, or wait for clients."""
    if server.cfg.worker_class_str != worker_class:
        sys.exit(
            f"liveboard: the worker class {server.cfg.worker_class_str!r} can't serve "
            "streams: start gunicorn without --worker-class"
        )


def _refuse_second_log(server: Any) -> None:
    """Exit if this master would run beside an older one (SIGUSR2) without Redis."""
    if server.master_pid and not settings.redis_url:
        if server.pidfile is not None:
            server.pidfile.unlink()
        sys.exit(
            "liveboard: without REDIS_URL a second master would show other prices: "
            "send SIGHUP instead of SIGUSR2, or restart the board"
        )


def _repeat_module_start(server: Any) -> None:
    """Let SIGUSR2 start `python -m gunicorn` as a module again.

    gunicorn would run its `__main__.py` as a script, whose folder has a package `http`
    that hides the one of the standard library.
    """
    python, program, *arguments = server.START_CTX["args"]
    if Path(program).name == "__main__.py":
        server.START_CTX["args"] = [python, "-m", "gunicorn", *arguments]


def _close_feed(worker: Any) -> None:
    app = getattr(worker, "wsgi", None)  # None if the worker failed to load it
    if app is not None:
        app.extensions["feed"].close()


def _make_figures(server: Any) -> None:
    """Make the folder in which the workers share their figures, if they share a log.

    Every master has a folder of its own, or else one would remove the other's.
    """
    named = os.environ.get(FIGURES, "")
    if named and not Path(named).name.startswith(FIGURES_PREFIX):
        FiguresFolder(Path(named)).clear()
    elif settings.redis_url:
        try:
            os.environ[FIGURES] = tempfile.mkdtemp(prefix=FIGURES_PREFIX)
        except OSError as error:
            os.environ.pop(FIGURES, None)
            server.log.warning(
                "The workers can't share their figures, so /metrics shows those of one "
                "of them: %s",
                error,
            )


def _remove_figures() -> None:
    folder = os.environ.get(FIGURES, "")
    if Path(folder).name.startswith(FIGURES_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_raw_bytes(record: logging.LogRecord) -> bool:
    """Remove the raw bytes of an invalid request from the log line.

    They may contain a token.
    """
    message = r"(Invalid request from ip=\S+: [^:]*).*"
    record.msg = re.sub(message, r"\1", str(record.msg), flags=re.DOTALL)
    return True


def _raise_file_limit(server: Any) -> None:
    """Raise the limit of open files, which many systems set to 1024."""
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
