"""Feed the board from standard input, where a line is a symbol and its price.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    echo "ACME 101.24" | python examples/from_stdin.py

`BOARD` is the board's address, if it is another one than that of `make run`.
"""

import os
import sys
from urllib.parse import quote
from urllib.request import Request, urlopen

prices = os.environ.get("BOARD", "http://127.0.0.1:8000") + "/api/prices/"
headers = {"Authorization": "Bearer " + os.environ["PUBLISH_TOKEN"]}
for line in sys.stdin:
    symbol, price = line.split()
    url = prices + quote(symbol, safe="")
    urlopen(Request(url, price.encode(), headers, method="PUT")).close()
