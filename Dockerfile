# An image of the board, described in docs/deploy.md. It listens on $PORT and stops on
# SIGTERM.

# The tags of the base images name no version of Debian, because a tag that does gets no
# more updates when the images move to the next one.

# This stage installs the chart library at the version in the lock file. Node.js itself
# doesn't get into the image. If the installation fails, the build fails: a step that was
# allowed to fail would stay in the cache, and later images would lack the library too.
# With `--build-arg CHART=0` it isn't installed, and the page draws a simple line.
FROM node:22-slim AS chart
ARG CHART=1
WORKDIR /srv/liveboard
COPY scripts scripts
COPY package.json package-lock.json requirements.txt ./
RUN mkdir -p static/vendor && if [ "$CHART" = 1 ]; then scripts/set-up chart; fi

# The version of Python in .python-version, which the tests use.
FROM python:3.11-slim
WORKDIR /srv/liveboard
RUN useradd --system --uid 10001 --no-create-home liveboard
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
COPY --from=chart /srv/liveboard/static/vendor static/vendor
# The user below must be able to read the files, even if they were checked out under a
# umask such as 077.
RUN chmod -R a+rX .

# A number shows the platform that the user isn't root. It can write only to /tmp.
USER 10001
# If PORT is set, the board listens on all addresses. A platform may set another port.
ENV PORT=8000
EXPOSE 8000
# http.client ignores http_proxy, which would send this request to a proxy.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import http.client, os, sys; board = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); board.request('GET', '/healthz'); sys.exit(board.getresponse().status != 200)"]
# As a list, so that no shell runs between: gunicorn itself receives the SIGTERM.
CMD ["gunicorn", "app:app"]
