#!/bin/sh
# A support desk by hand: "ticket" and "typing" are event types of our own. A ticket has a
# key, so its newest state replaces the older one, on every open page and on pages
# opened later. `python examples/desk.py` fills such a desk by itself.
#
#   PUBLISH_TOKEN=secret FEED=published make run
#   PUBLISH_TOKEN=secret examples/desk/desk.sh update 4711 "We found the cause"
#   PUBLISH_TOKEN=secret examples/desk/desk.sh typing 4711
#   PUBLISH_TOKEN=secret examples/desk/desk.sh resolve 4711
#   examples/desk/desk.sh follow
set -eu

BOARD=${BOARD:-http://127.0.0.1:8000}
TYPING=${TYPING:-8} # seconds that "An agent is typing…" stays, unless it is sent again

usage="usage: desk.sh update TICKET TEXT | typing TICKET | resolve TICKET | follow"
act=${1:?"$usage"}

# Prints the board's error message, too, which says what is wrong and what is valid.
send() {
    curl --silent --show-error --fail-with-body \
        --header "Authorization: Bearer ${PUBLISH_TOKEN:?is not set}" "$@"
}

# Print a text as a JSON string.
quoted() {
    printf '"%s"' "$(printf %s "$1" | tr '\n' ' ' | sed 's/[\\"]/\\&/g')"
}

case $act in
update)
    ticket=${2:?"$usage"} text=${3:?"$usage"}
    send "$BOARD/api/publish" --data-binary @- <<JSON
{"event": "ticket", "key": $(quoted "$ticket"),
 "data": {"status": "open", "update": $(quoted "$text")}}
JSON
    ;;
typing) # it has a time to live, so the server retires it even if this script doesn't
    ticket=${2:?"$usage"}
    send "$BOARD/api/publish" --data-binary @- <<JSON
{"event": "typing", "key": $(quoted "$ticket"),
 "data": {"who": "An agent is typing…"}, "ttl": $TYPING}
JSON
    ;;
resolve)
    ticket=${2:?"$usage"}
    send --request DELETE "$BOARD/api/keys/ticket/$ticket"
    ;;
follow) # the current tickets first, then each change
    exec curl --silent --no-buffer "$BOARD/stream.txt?events=ticket,typing"
    ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
