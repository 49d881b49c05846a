"""Feed the board from a CSV file of prices, ten rows a second.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/from_csv.py examples/prices.csv

`BOARD` is the board's address, if it is another one than that of `make run`.
"""

import csv
import json
import os
import sys
import time
from urllib.parse import quote
from urllib.request import Request, urlopen

prices = os.environ.get("BOARD", "http://127.0.0.1:8000") + "/api/prices/"
headers = {"Authorization": "Bearer " + os.environ["PUBLISH_TOKEN"]}
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        url = prices + quote(row["symbol"], safe="")
        numbers = {name: float(row[name]) for name in ("price", "previous_close")}
        body = json.dumps(row | numbers).encode()
        urlopen(Request(url, body, headers, method="PUT")).close()
        time.sleep(0.1)
