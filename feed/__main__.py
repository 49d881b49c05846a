"""The commands: `python -m feed record` and `python -m feed publish`."""

import argparse
import sys
from pathlib import Path

from feed.commands.board import Misuse
from feed.commands.publish import publish
from feed.commands.record import record


def main() -> int:
    """Run the command that the arguments name; return the exit status."""
    given = _parser().parse_args()
    try:
        if given.command == "record":
            return record(given.url, given.output)
        return publish(given.file, given.to, given.token)
    except Misuse as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m feed")
    commands = parser.add_subparsers(dest="command", required=True)
    it = commands.add_parser("record", help="write a board's stream to a file")
    it.add_argument("url", metavar="URL", help="of a board, or of one of its streams")
    it.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="FILE",
        help="write there instead of standard output, going on where the file ends",
    )
    it = commands.add_parser("publish", help="send a recording to a running board")
    it.add_argument("file", metavar="FILE", help="NDJSON or SSE text; - is the input")
    it.add_argument("--to", required=True, metavar="URL", help="of the board")
    it.add_argument("--token", default="", help="else that of PUBLISH_TOKEN is used")
    return parser


if __name__ == "__main__":
    sys.exit(main())
