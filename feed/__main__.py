"""`python -m feed record`, `publish`, `doctor` and `live`: the commands."""

import argparse
import sys
from pathlib import Path

from feed.commands.board import Misuse, print_note
from feed.commands.doctor import examine
from feed.commands.live import write_live
from feed.commands.publish import publish
from feed.commands.record import record


def main() -> int:
    """Run the command in the arguments; return the exit status."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "record":
            return record(arguments.url, arguments.output, arguments.insecure)
        if arguments.command == "live":
            return write_live(arguments.prices, arguments.scores)
        if arguments.command == "doctor":
            return examine(arguments.url, arguments.insecure)
        return publish(
            arguments.file, arguments.to, arguments.token, arguments.insecure
        )
    except Misuse as error:
        print_note(str(error))
    except OSError as error:
        print_note(f"{error.filename}: {error.strerror}")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m feed")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("record", help="write a board's stream to a file")
    command.add_argument(
        "url", metavar="URL", help="of a board, or of one of its streams"
    )
    command.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="FILE",
        help="append to this file instead of writing to standard output",
    )
    command = commands.add_parser("publish", help="send a recording to a running board")
    command.add_argument(
        "file", metavar="FILE", help="NDJSON or SSE text; - is standard input"
    )
    command.add_argument("--to", required=True, metavar="URL", help="of the board")
    command.add_argument("--token", default="", help="default: that of PUBLISH_TOKEN")
    command = commands.add_parser("doctor", help="measure how streams arrive here")
    command.add_argument("url", metavar="URL", help="of the board, as readers see it")
    for command in commands.choices.values():
        command.add_argument(
            "--insecure",
            action="store_true",
            help="allow http:// for a token or password, though others may read it",
        )
    command = commands.add_parser("live", help="write the world's prices and scores")
    command.add_argument("--prices", default="", help="default: that of PRICES")
    command.add_argument("--scores", default="", help="default: that of SCORES")
    return parser


if __name__ == "__main__":
    sys.exit(main())
