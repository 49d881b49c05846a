/* The load: one epoll loop that opens streams, reads them and checks every event.
 *
 * An event carries {"n":<number>,"us":<time it was due, epoch microseconds>,...}. Within
 * a stream the numbers are consecutive, so lost and duplicated events show at once. The
 * delay of an event is the time at which it is read minus `us`. The loop looks for '{'
 * only, which costs far less than the read itself.
 *
 * It prints its progress as lines of JSON on stdout ("connected", "start", "end",
 * "result"), so that bench.load can read the server's CPU time at those moments. After
 * "end" it keeps reading until a line arrives on stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { HEAD = 40 };           /* bytes from '{' to past the two numbers, at most */
enum { BUFFER = 256 << 10 };  /* bytes of one read */
enum { PER_SOURCE = 10000 };  /* connections from one source address */
enum { SUB = 64, BUCKETS = 44 * SUB };  /* delays: 64 classes for each power of two */
enum { READY = 1024 };        /* events of one epoll_wait */
enum { STALLED_RCVBUF = 4096 };
static const double HOLD = 30; /* seconds to wait for the line on stdin at the end */

enum state { UNUSED, CONNECTING, ASKED, OPEN, STALLED, CLOSED };

struct stream {
    int fd;
    uint8_t state, carried, sampled, stalls, resumed;
    char carry[HEAD];         /* the end of the last read, if it cut an event */
    int64_t last;             /* the number of the newest event; -1: not known yet */
    uint64_t events, bytes;   /* within the window */
};

static struct {
    const char *host, *request_file, *values_file;
    int port, streams, sample, parallel, stalled, opaque, sparse;
    int64_t first, until;
    double warmup, window, connect_timeout;
} opt = {.host = "127.0.0.1", .streams = 1, .sample = 50, .parallel = 128,
         .first = -1, .until = -1, .warmup = 1, .window = 3, .connect_timeout = 60};

static struct {
    uint64_t reads, lost, twice, delays, delay_max, buckets[BUCKETS];
    int connected, failed, torn, stalled_torn, resumed;
    char why[120];
} seen;

static struct stream *streams;
static char *template, **values;
static int64_t *value_numbers;
static int value_count, epoll_fd, counting, stdin_watched;
static char space[HEAD + BUFFER];

static void die(const char *what) {
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double clock_of(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void) { return clock_of(CLOCK_MONOTONIC); }

static double own_cpu(void) { return clock_of(CLOCK_PROCESS_CPUTIME_ID); }

static uint64_t epoch_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int bucket_of(uint64_t us) {
    if (us < SUB) return (int)us;
    int shift = 63 - __builtin_clzll(us) - 6;  /* 2^6 = SUB */
    int bucket = shift * SUB + (int)(us >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_middle(int bucket) {
    if (bucket < 2 * SUB) return (uint64_t)bucket;
    int shift = bucket / SUB - 1;
    uint64_t low = (uint64_t)(SUB + bucket % SUB) << shift;
    return low + ((1ULL << shift) >> 1);
}

static uint64_t percentile(double share) {
    uint64_t wanted = (uint64_t)((double)seen.delays * share), sum = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((sum += seen.buckets[i]) > wanted) return bucket_middle(i);
    return seen.delay_max;
}

static void count_delay(uint64_t sent, uint64_t at) {
    uint64_t delay = at > sent ? at - sent : 0;
    seen.buckets[bucket_of(delay)]++;
    seen.delays++;
    if (delay > seen.delay_max) seen.delay_max = delay;
}

/* Check one event's number against the one before it. */
static void check_number(struct stream *s, int64_t n) {
    if (s->last >= 0) {
        if (n <= s->last) seen.twice++;
        else if (n > s->last + 1 && !opt.sparse) seen.lost += (uint64_t)(n - s->last - 1);
    }
    if (n > s->last) s->last = n;
    if (opt.until >= 0 && n >= opt.until && !s->resumed) {
        s->resumed = 1;
        seen.resumed++;
    }
}

/* Count and check the events that begin in [p, end); keep an incomplete one. */
static void scan(struct stream *s, char *p, char *end) {
    static const char mark[] = "{\"n\":";
    uint64_t at = s->sampled && counting ? epoch_us() : 0;
    while ((p = memchr(p, '{', (size_t)(end - p))) != NULL) {
        if (end - p < HEAD) {
            s->carried = (uint8_t)(end - p);
            memcpy(s->carry, p, s->carried);
            return;
        }
        if (memcmp(p, mark, sizeof mark - 1) != 0) {
            p++;
            continue;
        }
        char *after;
        int64_t n = strtoll(p + sizeof mark - 1, &after, 10);
        check_number(s, n);
        s->events += (uint64_t)counting;
        if (at) count_delay(strtoull(after + sizeof ",\"us\":" - 1, NULL, 10), at);
        p = after;
    }
}

static void watch(struct stream *s, uint32_t interest, int how) {
    struct epoll_event e = {.events = interest, .data.ptr = s};
    if (epoll_ctl(epoll_fd, how, s->fd, &e) < 0) die("epoll_ctl");
}

static void give_up(struct stream *s, const char *why) {
    if (s->state == CONNECTING || s->state == ASKED) seen.failed++;
    else if (s->state == STALLED) seen.stalled_torn++;
    else seen.torn++;
    if (!seen.why[0]) snprintf(seen.why, sizeof seen.why, "%s", why);
    close(s->fd);
    s->state = CLOSED;
}

static void open_stream(int i) {
    struct stream *s = &streams[i];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1, small = STALLED_RCVBUF;
    inet_pton(AF_INET, opt.host, &to.sin_addr);
    from.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(i / PER_SOURCE));
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) die("socket");
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* An end by RST leaves no TIME_WAIT, so that runs can follow each other. */
    struct linger abrupt = {1, 0};
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    if (s->stalls) setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    (void)!bind(s->fd, (struct sockaddr *)&from, sizeof from);
    s->state = CONNECTING;
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        give_up(s, strerror(errno));
        return;
    }
    watch(s, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask(struct stream *s) {
    char request[16 << 10];
    size_t length;
    int i = (int)(s - streams), error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        give_up(s, strerror(error));
        return;
    }
    char *hole = value_count ? strstr(template, "{}") : NULL;
    if (hole)
        length = (size_t)snprintf(request, sizeof request, "%.*s%s%s",
                                  (int)(hole - template), template,
                                  values[i % value_count], hole + 2);
    else
        length = (size_t)snprintf(request, sizeof request, "%s", template);
    if (length >= sizeof request || send(s->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) {
        give_up(s, "the request could not be sent");
        return;
    }
    s->state = ASKED;
    watch(s, EPOLLIN, EPOLL_CTL_MOD);
}

static void read_stream(struct stream *s) {
    char *fresh = space + HEAD;
    ssize_t got = recv(s->fd, fresh, BUFFER, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        give_up(s, got ? strerror(errno) : "the server closed a stream");
        return;
    }
    if (s->state == ASKED) {
        if (got < 12 || memcmp(fresh + 9, "200", 3) != 0) {
            fresh[got < 60 ? got : 60] = 0;
            fresh[strcspn(fresh, "\r\n\"\\")] = 0;
            give_up(s, fresh);
            return;
        }
        s->state = OPEN;
        seen.connected++;
    }
    seen.reads += (uint64_t)counting;
    if (counting) s->bytes += (uint64_t)got;
    if (!opt.opaque) {
        char *from = fresh - s->carried;
        memcpy(from, s->carry, s->carried);
        s->carried = 0;
        scan(s, from, fresh + got);
    }
    if (s->stalls) {
        s->state = STALLED;
        watch(s, 0, EPOLL_CTL_MOD);
    }
}

/* Serve the ready streams until `until`; return 1 if stdin has a line. */
static int serve(double until) {
    struct epoll_event ready[READY];
    double left = until - now();
    int wait = left <= 0 ? 0 : left > 0.1 ? 100 : (int)(left * 1000) + 1;
    int count = epoll_wait(epoll_fd, ready, READY, wait), stdin_ready = 0;
    for (int i = 0; i < count; i++) {
        struct stream *s = ready[i].data.ptr;
        if (s == NULL) stdin_ready = 1;
        else if (s->state == CONNECTING) ask(s);
        else if (s->state == STALLED) give_up(s, "a stalled stream was broken off");
        else if (s->state != CLOSED) read_stream(s);
    }
    return stdin_ready;
}

static void read_inputs(void) {
    FILE *f = fopen(opt.request_file, "r");
    char line[16 << 10];
    template = calloc(1, sizeof line);
    if (!f || !template || !fread(template, 1, sizeof line - 1, f)) die("--request-file");
    fclose(f);
    if (!opt.values_file) return;
    if (!(f = fopen(opt.values_file, "r"))) die("--values");
    while (fgets(line, sizeof line, f)) {
        value_count++;
        values = realloc(values, (size_t)value_count * sizeof *values);
        value_numbers = realloc(value_numbers, (size_t)value_count * sizeof *value_numbers);
        if (!values || !value_numbers) die("--values");
        char *tab = strchr(line, '\t');
        value_numbers[value_count - 1] = tab ? strtoll(tab + 1, NULL, 10) : opt.first - 1;
        line[strcspn(line, "\t\n")] = 0;
        values[value_count - 1] = strdup(line);
    }
    fclose(f);
}

static void read_options(int argc, char **argv) {
    static const struct option names[] = {
        {"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"streams", 1, 0, 'n'},
        {"request-file", 1, 0, 'r'}, {"values", 1, 0, 'v'}, {"sample", 1, 0, 's'},
        {"parallel", 1, 0, 'a'}, {"stalled", 1, 0, 'k'}, {"opaque", 0, 0, 'o'},
        {"sparse", 0, 0, 'g'}, {"first", 1, 0, 'f'}, {"until", 1, 0, 'u'},
        {"warmup", 1, 0, 'w'}, {"window", 1, 0, 'd'}, {"connect-timeout", 1, 0, 'c'},
        {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (c) {
        case 'h': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'n': opt.streams = atoi(optarg); break;
        case 'r': opt.request_file = optarg; break;
        case 'v': opt.values_file = optarg; break;
        case 's': opt.sample = atoi(optarg); break;
        case 'a': opt.parallel = atoi(optarg); break;
        case 'k': opt.stalled = atoi(optarg); break;
        case 'o': opt.opaque = 1; break;
        case 'g': opt.sparse = 1; break;
        case 'f': opt.first = atoll(optarg); break;
        case 'u': opt.until = atoll(optarg); break;
        case 'w': opt.warmup = atof(optarg); break;
        case 'd': opt.window = atof(optarg); break;
        case 'c': opt.connect_timeout = atof(optarg); break;
        default: exit(2);
    }
    if (!opt.request_file || !opt.port || opt.streams < 1 || opt.sample < 1) {
        fprintf(stderr, "client: --port, --request-file and --streams are needed\n");
        exit(2);
    }
}

static void prepare(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = (rlim_t)opt.streams + 64;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) limit.rlim_max = wanted;
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) die("RLIMIT_NOFILE");
    }
    streams = calloc((size_t)opt.streams, sizeof *streams);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!streams || epoll_fd < 0) die("prepare");
    int every = opt.stalled ? opt.streams / opt.stalled : 0, stalled = 0;
    for (int i = 0; i < opt.streams; i++) {
        streams[i].stalls = every && i % every == every - 1 && stalled++ < opt.stalled;
        streams[i].sampled = i % opt.sample == 0 && !streams[i].stalls;
        streams[i].last = value_count ? value_numbers[i % value_count]
                          : opt.first < 0 ? -1 : opt.first - 1;
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    stdin_watched = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &e) == 0;  /* epoll refuses a file */
}

/* Open every stream, at most --parallel waiting for their first byte at a time. */
static double connect_all(void) {
    double began = now(), until = began + opt.connect_timeout;
    int opened = 0;
    while (seen.connected + seen.failed < opt.streams && now() < until) {
        while (opened < opt.streams
               && opened - seen.connected - seen.failed < opt.parallel)
            open_stream(opened++);
        serve(until);
    }
    return now() - began;
}

static void print_result(double window, double cpu, double resumed_after) {
    uint64_t events = 0, bytes = 0, least = UINT64_MAX, most = 0;
    uint64_t least_bytes = UINT64_MAX;
    int64_t oldest = INT64_MAX, newest = -1;
    for (int i = 0; i < opt.streams; i++) {
        struct stream *s = &streams[i];
        events += s->events;
        bytes += s->bytes;
        if (s->stalls || s->state != OPEN) continue;
        if (s->events < least) least = s->events;
        if (s->events > most) most = s->events;
        if (s->bytes < least_bytes) least_bytes = s->bytes;
        if (s->last < oldest) oldest = s->last;
        if (s->last > newest) newest = s->last;
    }
    printf("{\"phase\":\"result\",\"connected\":%d,\"failed\":%d,\"torn\":%d,"
           "\"stalled_torn\":%d,\"why\":\"%s\",\"window\":%.6f,\"client_cpu\":%.6f,"
           "\"events\":%llu,\"bytes\":%llu,\"reads\":%llu,\"lost\":%llu,\"twice\":%llu,",
           seen.connected, seen.failed, seen.torn, seen.stalled_torn, seen.why, window, cpu,
           (unsigned long long)events, (unsigned long long)bytes,
           (unsigned long long)seen.reads, (unsigned long long)seen.lost,
           (unsigned long long)seen.twice);
    printf("\"stream_events_min\":%lld,\"stream_events_max\":%llu,"
           "\"stream_bytes_min\":%lld,\"spread\":%lld,\"delays\":%llu,"
           "\"p50_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu,"
           "\"resumed\":%d,\"resumed_after\":%.6f}\n",
           least == UINT64_MAX ? -1LL : (long long)least, (unsigned long long)most,
           least_bytes == UINT64_MAX ? -1LL : (long long)least_bytes,
           newest < 0 ? 0LL : (long long)(newest - oldest),
           (unsigned long long)seen.delays, (unsigned long long)percentile(0.5),
           (unsigned long long)percentile(0.99), (unsigned long long)seen.delay_max,
           seen.resumed, resumed_after);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    read_inputs();
    prepare();
    setvbuf(stdout, NULL, _IOLBF, 0);

    double began = now(), resumed_after = -1;
    counting = opt.until >= 0;  /* a storm is measured from its first connection on */
    double cpu = own_cpu();
    double took = connect_all();
    printf("{\"phase\":\"connected\",\"streams\":%d,\"failed\":%d,\"seconds\":%.6f}\n",
           seen.connected, seen.failed, took);
    if (opt.until >= 0) {
        double until = now() + opt.window;
        while (seen.resumed < seen.connected && now() < until) serve(until);
        resumed_after = now() - began;
    } else {
        double until = now() + opt.warmup;
        while (now() < until) serve(until);
        printf("{\"phase\":\"start\"}\n");
        began = now();
        cpu = own_cpu();
        counting = 1;
        while (now() < began + opt.window) serve(began + opt.window);
    }
    double window = now() - began;
    cpu = own_cpu() - cpu;
    counting = 0;
    printf("{\"phase\":\"end\"}\n");
    print_result(window, cpu, resumed_after);
    for (double until = now() + HOLD; stdin_watched && now() < until && !serve(until);) {}
    return 0;
}
