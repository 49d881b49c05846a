# The board in a container: docs/deploy.md. It listens on $PORT and ends on SIGTERM.

# The chart library, by the lock file. Nothing else of Node.js gets into the image, and
# an image without it works too: the page then draws a line of its own.
FROM node:22-bookworm-slim AS chart
WORKDIR /srv/liveboard
COPY scripts scripts
COPY package.json package-lock.json requirements.txt ./
RUN mkdir -p static/vendor && (scripts/set-up chart || true)

# The Python of .python-version, which the tests run with.
FROM python:3.11-slim-bookworm
WORKDIR /srv/liveboard
RUN useradd --system --uid 10001 --no-create-home liveboard
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
COPY --from=chart /srv/liveboard/static/vendor static/vendor

# By number, so that a platform can tell that it isn't root. It can write to /tmp alone.
USER 10001
# Set, so that the board listens on every address; platforms choose another.
ENV PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
# In brackets, so that gunicorn itself is the process that gets the SIGTERM.
CMD ["gunicorn", "app:app"]
