/* The floor: the cost of a server that does nothing but call send().
 *
 * All events are in one ring of bytes, and a stream is an offset into it. In each round
 * one send() per stream sends everything that is due; the bytes that a full socket refuses
 * are sent in a later round. Requests aren't parsed: each one gets the same stream.
 *
 * Environment: PORT, RATE (events a second), ROUNDS (rounds a second), GO (a file:
 * events begin once it is there), FLOOD (events a round, as many rounds as it can).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RING = 64 << 20 };      /* bytes; a stream further behind is closed */
enum { MOST = 65536 };         /* streams */
enum { FIRST = 1000000 };      /* the first event's number, so that all are as long */
static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    "Cache-Control: no-cache\r\nConnection: close\r\n\r\nretry: 2000\n\n";

static struct { int fd; uint64_t sent; } streams[MOST];
static int open_streams;
static char *ring;
static uint64_t written;
static int64_t number = FIRST;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double setting(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text && *text ? atof(text) : otherwise;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Map the ring twice in a row, so that every part of it is contiguous. */
static void make_ring(void) {
    int fd = memfd_create("ring", 0);
    if (fd < 0 || ftruncate(fd, RING) < 0) die("ring");
    ring = mmap(NULL, 2 * (size_t)RING, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; half < 2; half++)
        if (mmap(ring + half * (size_t)RING, RING, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) die("mmap");
    close(fd);
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0) die("listen");
    return fd;
}

static void accept_all(int listener) {
    char request[16 << 10];
    int one = 1;
    for (int fd; open_streams < MOST
                 && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        (void)!recv(fd, request, sizeof request, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)!send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
        streams[open_streams].fd = fd;
        streams[open_streams++].sent = written;
    }
}

/* Write `count` events that were due at `due` into the ring: 130 bytes each. */
static void publish(double due, int count) {
    for (int i = 0; i < count; i++, number++) {
        int size = sprintf(
            ring + written % RING,
            "id: %lld-%d\nevent: tick\ndata: {\"n\":%lld,\"us\":%lld,\"symbol\":\"ACME\","
            "\"price\":%.2f,\"market\":\"XETR\",\"lot\":7}\n\n",
            (long long)(due * 1e3), i, (long long)number, (long long)(due * 1e6),
            100 + (double)(number * 7919 % 1000) / 100);
        written += (uint64_t)size;
    }
}

/* Send the due bytes to every stream; return how many of them the slowest still lacks. */
static uint64_t send_round(void) {
    uint64_t slowest = 0;
    for (int i = 0; i < open_streams; i++) {
        uint64_t due = written - streams[i].sent;
        if (!due) continue;
        ssize_t sent = due > RING / 2 ? -1
            : send(streams[i].fd, ring + streams[i].sent % RING, due, MSG_NOSIGNAL);
        if (sent >= 0) {
            streams[i].sent += (uint64_t)sent;
            if (due - (uint64_t)sent > slowest) slowest = due - (uint64_t)sent;
        } else if (due > RING / 2 || (errno != EAGAIN && errno != EINTR)) {
            close(streams[i].fd);
            streams[i--] = streams[--open_streams];
        } else if (due > slowest) {
            slowest = due;
        }
    }
    return slowest;
}

int main(void) {
    double rate = setting("RATE", 20), rounds = setting("ROUNDS", 50), began = 0;
    int flood = (int)setting("FLOOD", 0), listener = listen_on((int)setting("PORT", 8000));
    const char *go = getenv("GO");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    make_ring();
    if (rate < rounds) rounds = rate;
    for (uint64_t done = 0, published = 0, slowest = 0;;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        double next = began + (double)(done + 1) / (rounds > 0 ? rounds : 1);
        double wait = !began ? 0.02 : flood ? 0 : next - now();
        struct timespec pause = {0, wait > 0 ? (long)(fmin(wait, 0.9) * 1e9) : 0};
        if (ppoll(&ready, 1, &pause, NULL) > 0) accept_all(listener);
        if (!began) {
            if (!go || access(go, F_OK) == 0) began = now();
            continue;
        }
        if (flood) {
            if (slowest < RING / 4) publish(now(), flood);
            slowest = send_round();
            continue;
        }
        if (rounds <= 0 || now() < next) continue;
        for (; rounds > 0 && now() >= (next = began + (double)(done + 1) / rounds); done++) {
            uint64_t due = (uint64_t)((double)(done + 1) * rate / rounds + 1e-6);
            publish(next, (int)(due - published));
            published = due;
        }
        send_round();
    }
}
