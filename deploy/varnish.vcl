# Varnish in front of a board. Replace the address, and start the board with
# TRUSTED_PROXIES=1. It caches the files of the page only; those have a version in their URL.

vcl 4.1;

backend board {
    .host = "board-1";
    .port = "8000";
    .connect_timeout = 2s;
}

sub vcl_recv {
    if (req.url ~ "^/metrics") {
        return (synth(403));
    }
    set req.http.X-Forwarded-Host = req.http.Host;
    if (!req.http.X-Forwarded-Proto) {
        set req.http.X-Forwarded-Proto = "http";
    }
    # A pipe copies bytes in both directions. Otherwise Varnish asks for gzip on behalf of
    # every client, and a client that doesn't accept it gets nothing of a stream.
    if (req.url ~ "^/stream") {
        return (pipe);
    }
    if (req.url !~ "^/static/") {
        return (pass);
    }
}
