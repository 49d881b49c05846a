"""Errors as `application/problem+json` (RFC 9457): what, where, and the remedy."""

import logging

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError

from feed.answers.limits import AskedTooOften, TooManyAnswers
from feed.log import Unavailable
from feed.publishing.batch import Full, NotJson, Refused
from feed.publishing.idempotency import KeyReused
from web.query import InvalidParameter

PROBLEM = "application/problem+json"
COME_BACK = 2  # seconds until a retry; the shared log is mostly back within five

logger = logging.getLogger("liveboard.web")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error (RFC 9457): what, why, and where: in a parameter or within the body."""

    title: str
    status: int
    detail: str
    parameter: str | None = None
    place: str | None = None


def problem(status: int, title: str, detail: str, **where: str) -> Response:
    """Return an error; `where` is a `parameter` or a `place`."""
    body = msgspec.json.encode(Problem(title, status, detail, **where)) + b"\n"
    return Response(body, status, content_type=PROBLEM)


def register(app: Flask) -> None:
    """Map every error to HTTP, once and here."""
    app.register_error_handler(InvalidParameter, _invalid_parameter)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(KeyReused, _key_reused)
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(AskedTooOften, _asked_too_often)
    app.register_error_handler(TooManyAnswers, _too_many_answers)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _invalid_parameter(error: InvalidParameter) -> Response:
    return problem(400, "Invalid parameter", str(error), parameter=error.name)


def _refused(error: Refused) -> Response:
    if isinstance(error, NotJson):
        return problem(400, "Not JSON", str(error), place=error.place)
    if isinstance(error, Full):
        return problem(507, "The board is full", str(error), place=error.place)
    return problem(422, "Wrong shape", str(error), place=error.place)


def _key_reused(error: KeyReused) -> Response:
    return problem(422, "Key reused", str(error), place="Idempotency-Key")


def _unavailable(error: Unavailable) -> Response:
    response = problem(503, "The shared log is away", str(error))
    response.headers["Retry-After"] = str(COME_BACK)
    return response


def _asked_too_often(error: AskedTooOften) -> Response:
    response = problem(429, "Asked too often", str(error))
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _too_many_answers(error: TooManyAnswers) -> Response:
    response = problem(503, "Too many answers", str(error))
    response.headers["Retry-After"] = str(COME_BACK)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, error.name, error.description or error.name)
    response.headers.extend(  # such as Allow, Location and Retry-After
        (name, value)
        for name, value in error.get_headers()
        if name not in ("Content-Type", "Content-Length")
    )
    return response


def _unexpected(error: Exception) -> Response:
    logger.error("a request failed", exc_info=error)
    return _http(InternalServerError())
