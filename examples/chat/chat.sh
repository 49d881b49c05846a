#!/bin/sh
# An answer that appears word by word, like that of a language model. Each word is an event
# of our own type `token`. It has no key, so that no word replaces another, and a reader
# that was away for a moment gets all of them.
#
#   PUBLISH_TOKEN=secret FEED=published make run
#   curl -N 'http://127.0.0.1:8000/stream?events=token'            # in another terminal
#   echo "Hello, how can I help?" | PUBLISH_TOKEN=secret examples/chat/chat.sh
set -eu

BOARD=${BOARD:-http://127.0.0.1:8000}
PACE=${PACE:-0.1} # seconds between two words
answer=$(date +%s)-$$ # makes the keys of this answer's words unique
reply=$(mktemp) # what the board says to the newest word
trap 'rm -f "$reply"' EXIT

# Prints the board's error message, if there is one, after the last retry.
publish() {
    curl --silent --show-error --fail-with-body --output "$reply" \
        --header "Authorization: Bearer ${PUBLISH_TOKEN:?is not set}" \
        --header "Idempotency-Key: $answer-$1" --retry 3 --retry-all-errors \
        --data-binary "{\"event\": \"token\", \"data\": $2}" "$BOARD/api/publish" || {
        cat "$reply" >&2
        return 1
    }
}

number=0
{ cat; echo; } | tr -s '[:space:]' '\n' | sed 's/[\\"]/\\&/g' | while read -r word; do
    [ -n "$word" ] || continue
    number=$((number + 1))
    publish "$number" "{\"answer\": \"$answer\", \"n\": $number, \"text\": \"$word \"}"
    sleep "$PACE"
done
publish end "{\"answer\": \"$answer\", \"end\": true}"
