"""Feed the board from standard input, where a line is a symbol and its price.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    echo "ACME 101.24" | python examples/from_stdin.py

Lines in UTF-8 end with LF or CRLF. Blank lines, lines that begin with `#` and byte
order marks are ignored. A line that can't be published is reported with its number and
the reason, and the exit status is 1 then. `BOARD` is the board's address, if it is
another one than that of `make run`.
"""

import re
import sys

from board import put_price

LINE = re.compile(r"(.*\S)\s+([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")

refused = 0
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        text = line.decode("utf-8-sig").strip()
        if text and not text.startswith("#"):
            found = LINE.fullmatch(text)
            if not found:
                raise ValueError(f"{text!r} is no line such as ACME 101.24")
            put_price(found[1], {"price": float(found[2])})
    except ValueError as error:
        refused += 1
        print(f"line {number}: {error}", file=sys.stderr)
sys.exit(1 if refused else 0)
