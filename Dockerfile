# An image of the board, described in docs/deploy.md. It listens on $PORT and stops on
# SIGTERM.

# This stage installs the chart library at the version in the lock file. Node.js itself
# doesn't get into the image. If the installation fails, the image works without the
# library: the page then draws a simple line.
FROM node:22-bookworm-slim AS chart
WORKDIR /srv/liveboard
COPY scripts scripts
COPY package.json package-lock.json requirements.txt ./
RUN mkdir -p static/vendor && (scripts/set-up chart || true)

# The version of Python in .python-version, which the tests use.
FROM python:3.11-slim-bookworm
WORKDIR /srv/liveboard
RUN useradd --system --uid 10001 --no-create-home liveboard
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
COPY --from=chart /srv/liveboard/static/vendor static/vendor

# A number shows the platform that the user isn't root. It can write only to /tmp.
USER 10001
# If PORT is set, the board listens on all addresses. A platform may set another port.
ENV PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
# As a list, so that no shell runs between: gunicorn itself receives the SIGTERM.
CMD ["gunicorn", "app:app"]
