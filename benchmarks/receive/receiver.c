/* The physical floor: the least a WebSocket client can do for a delivery and still time it.
 *
 * One thread, one epoll. Connects SOCKETS sockets to the relay (tests/support/fast_server.py) on
 * 127.0.0.1:PORT, joins one room, publishes RATE stamped messages a second from one socket after the
 * other (0: others do), reads every frame with plain read(2), finds the stamp and fills one histogram bucket. No
 * JSON, no books. Prints one JSON line; cpu_s is the CPU time, user and system, of the measured
 * window, and deliveries_in_window are the frames read during it. The other figures are of the
 * messages sent in the window.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define USAGE "usage: receiver PORT SOCKETS RATE SECONDS WARMUP_SECONDS DRAIN_SECONDS TEXT_BYTES"
#define NS_PER_S INT64_C(1000000000)
#define STAMP "~at="
#define STAMP_DIGITS 19
#define MAX_TEXT_BYTES 60000 /* the length of a frame then fits the 16-bit form */
#define BUFFER_BYTES (256 * 1024)
#define MAX_EVENTS 1024

/* Log-linear: 64 buckets an octave, so that a quantile is at most 1.6 % too high. */
#define SUB_BITS 6
#define BUCKETS_PER_OCTAVE (1u << SUB_BITS)
#define BUCKET_COUNT (64u << SUB_BITS)

typedef struct {
    int fd;
    size_t left_bytes; /* the beginning of a frame whose end has not come yet */
    unsigned char *left;
} connection;

typedef struct {
    connection *connections;
    int64_t connection_count;
    int epoll_fd, timer_fd;

    char say[MAX_TEXT_BYTES + 64]; /* "SAY 0 ~at=0000000000000000000 xxxx" */
    char *stamp;                   /* where its digits are */
    size_t say_bytes;

    int64_t start_ns, gap_ns; /* message n is due at start_ns + n * gap_ns */
    int64_t next, message_count;
    int64_t window_start_ns, window_end_ns;

    uint64_t sent, unsent, received, received_in_window;
    uint64_t buckets[BUCKET_COUNT];
    unsigned char buffer[BUFFER_BYTES];
} client;

static void die(const char *what, const char *why) {
    fprintf(stderr, "receiver: %s: %s\n", what, why);
    exit(1);
}

static void *or_die(const char *what, void *pointer) {
    if (pointer == NULL) die(what, strerror(errno));
    return pointer;
}

static int check(const char *what, int result) {
    if (result < 0) die(what, strerror(errno));
    return result;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static double cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Not ru_maxrss: exec keeps that of the process it replaces, here a Python. */
static long peak_rss_kb(void) {
    char line[128];
    long kb = -1;
    FILE *status = or_die("/proc/self/status", fopen("/proc/self/status", "r"));
    while (kb < 0 && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kb);
    fclose(status);
    return kb;
}

/* --- the histogram --- */

static unsigned bucket_of(uint64_t value) {
    unsigned octave;
    if (value < BUCKETS_PER_OCTAVE) return (unsigned)value;
    octave = 63u - SUB_BITS - (unsigned)__builtin_clzll(value);
    return (octave << SUB_BITS) + (unsigned)(value >> octave);
}

static uint64_t highest_in(unsigned bucket) {
    unsigned octave = bucket < 2 * BUCKETS_PER_OCTAVE ? 0 : (bucket >> SUB_BITS) - 1;
    return ((uint64_t)(bucket - (octave << SUB_BITS) + 1) << octave) - 1;
}

/* null when fewer than 10 samples lie beyond it, as in chatbench. */
static void print_quantile_us(const client *c, const char *name, double q) {
    uint64_t wanted = (uint64_t)(q * (double)c->received), seen = 0;
    unsigned bucket = 0;
    if (c->received < wanted + 10) {
        printf(", \"%s\": null", name);
        return;
    }
    while ((seen += c->buckets[bucket]) < wanted) bucket++;
    printf(", \"%s\": %.1f", name, (double)highest_in(bucket) / 1000);
}

/* --- receiving --- */

static void count_delivery(client *c, const char *payload, size_t size, int64_t received_ns) {
    const char *stamp = memmem(payload, size, STAMP, strlen(STAMP));
    int64_t sent_ns = 0;
    int i;
    if (stamp == NULL || stamp + strlen(STAMP) + STAMP_DIGITS > payload + size) return; /* an ACK */
    stamp += strlen(STAMP);
    for (i = 0; i < STAMP_DIGITS; i++) sent_ns = sent_ns * 10 + (stamp[i] - '0');
    if (received_ns >= c->window_start_ns && received_ns < c->window_end_ns) c->received_in_window++;
    if (sent_ns < c->window_start_ns || sent_ns >= c->window_end_ns) return;
    c->received++;
    c->buckets[bucket_of((uint64_t)(received_ns - sent_ns))]++;
}

/* Counts every whole frame of the buffer; returns how many bytes they took. */
static size_t count_frames(client *c, size_t size, int64_t received_ns) {
    const unsigned char *frame = c->buffer, *end = c->buffer + size;
    while (end - frame >= 2) {
        size_t header = frame[1] < 126 ? 2 : frame[1] == 126 ? 4 : 10, i;
        uint64_t length = header == 2 ? frame[1] : 0;
        if ((size_t)(end - frame) < header) break;
        for (i = 2; i < header; i++) length = length << 8 | frame[i];
        if (length > BUFFER_BYTES / 2) die("read", "a frame that is too long");
        if ((size_t)(end - frame) < header + length) break;
        if ((frame[0] & 15) == 8) die("read", "the server said goodbye");
        count_delivery(c, (const char *)frame + header, length, received_ns);
        frame += header + length;
    }
    return (size_t)(frame - c->buffer);
}

static void receive(client *c, connection *from) {
    size_t size = from->left_bytes, used;
    ssize_t got;
    if (size) memcpy(c->buffer, from->left, size);
    got = read(from->fd, c->buffer + size, BUFFER_BYTES - size);
    if (got < 0 && errno == EAGAIN) return;
    if (check("read", (int)got) == 0) die("read", "the server hung up");
    size += (size_t)got;
    used = count_frames(c, size, now_ns());
    from->left_bytes = size - used;
    if (from->left_bytes == 0) return;
    from->left = or_die("realloc", realloc(from->left, from->left_bytes));
    memcpy(from->left, c->buffer + used, from->left_bytes);
}

/* --- sending --- */

/* Writes `payload` as a masked text frame and returns its size: 8 bytes more at most. */
static size_t masked(unsigned char *frame, const char *payload, size_t size) {
    static uint32_t key;
    size_t header = size < 126 ? 2 : 4, i;
    key = key * 1664525u + 1013904223u;
    frame[0] = 0x81;
    frame[1] = (unsigned char)(0x80 | (size < 126 ? size : 126));
    if (header == 4) frame[2] = (unsigned char)(size >> 8), frame[3] = (unsigned char)size;
    memcpy(frame + header, &key, 4);
    for (i = 0; i < size; i++)
        frame[header + 4 + i] = (unsigned char)payload[i] ^ frame[header + (i & 3)];
    return header + 4 + size;
}

static void publish_due(client *c) {
    int64_t now;
    while (c->next < c->message_count && c->start_ns + c->next * c->gap_ns <= (now = now_ns())) {
        int fd = c->connections[c->next++ % c->connection_count].fd;
        unsigned char frame[sizeof c->say];
        char digits[32];
        size_t size;
        ssize_t taken;
        snprintf(digits, sizeof digits, "%0*" PRId64, STAMP_DIGITS, now);
        memcpy(c->stamp, digits, STAMP_DIGITS);
        size = masked(frame, c->say, c->say_bytes);
        taken = send(fd, frame, size, MSG_NOSIGNAL);
        if (taken >= 0 && (size_t)taken < size) die("send", "half a frame was taken");
        if (now < c->window_start_ns || now >= c->window_end_ns) continue;
        if (taken < 0)
            c->unsent++;
        else
            c->sent++;
    }
}

/* --- the run --- */

static void run_until(client *c, int64_t end_ns) {
    struct epoll_event events[MAX_EVENTS];
    int64_t left_ns;
    while ((left_ns = end_ns - now_ns()) > 0) {
        int i, count = epoll_wait(c->epoll_fd, events, MAX_EVENTS, (int)(left_ns / 1000000) + 1);
        for (i = 0; i < count; i++) {
            uint64_t expirations;
            if (events[i].data.ptr)
                receive(c, events[i].data.ptr);
            else if (read(c->timer_fd, &expirations, sizeof expirations) > 0)
                publish_due(c);
        }
    }
}

/* Sends, and reads until `wanted` has come; nobody publishes yet, so nothing else does. */
static void ask(int fd, const void *question, size_t size, const char *wanted) {
    char answer[4096] = "";
    size_t got = 0;
    if (send(fd, question, size, MSG_NOSIGNAL) != (ssize_t)size) die("send", strerror(errno));
    while (memmem(answer, got, wanted, strlen(wanted)) == NULL) {
        int more = check(wanted, (int)read(fd, answer + got, sizeof answer - got));
        if (more == 0) die(wanted, "never came; the server hung up, or said something else");
        got += (size_t)more;
    }
}

static void join(client *c, connection *joining, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = joining}};
    const int on = 1;
    char upgrade[512];
    unsigned char frame[64];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    joining->fd = check("socket", socket(AF_INET, SOCK_STREAM, 0));
    check("connect", connect(joining->fd, (struct sockaddr *)&address, sizeof address));
    check("nodelay", setsockopt(joining->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    snprintf(upgrade, sizeof upgrade,
             "GET /relay?name=u%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             (int)(joining - c->connections), port);
    ask(joining->fd, upgrade, strlen(upgrade), "\r\n\r\n");
    ask(joining->fd, frame, masked(frame, "JOIN room", 9), "JOINED room");
    check("fcntl", fcntl(joining->fd, F_SETFL, O_NONBLOCK));
    check("epoll", epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, joining->fd, &event));
}

static void prepare_say(client *c, size_t text_bytes) {
    int start = snprintf(c->say, sizeof c->say, "SAY 0 %s", STAMP);
    c->stamp = c->say + start;
    c->say_bytes = strlen("SAY 0 ") + text_bytes;
    memset(c->stamp, 'x', c->say_bytes - (size_t)start);
    c->stamp[STAMP_DIGITS] = ' ';
}

static void start_timer(client *c) {
    struct itimerspec every = {.it_interval = {c->gap_ns / NS_PER_S, c->gap_ns % NS_PER_S},
                               .it_value = {c->start_ns / NS_PER_S, c->start_ns % NS_PER_S}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    c->timer_fd = check("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    check("timerfd", timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &every, NULL));
    check("epoll", epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->timer_fd, &event));
}

static void raise_open_files_limit(void) {
    struct rlimit limit;
    check("getrlimit", getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    check("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
}

static int64_t number(const char *text, int64_t low, int64_t high) {
    char *end;
    int64_t value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < low || value > high) die(text, USAGE);
    return value;
}

int main(int argc, char **argv) {
    static client the_client;
    client *c = &the_client;
    int64_t rate_per_s, window_s, warmup_s, drain_s, i;
    double cpu_at_start_s, cpu_in_window_s;
    int port;

    if (argc != 8) die("arguments", USAGE);
    port = (int)number(argv[1], 1, 65535);
    c->connection_count = number(argv[2], 1, 1000000);
    rate_per_s = number(argv[3], 0, 1000000);
    window_s = number(argv[4], 1, 3600);
    warmup_s = number(argv[5], 0, 60);
    drain_s = number(argv[6], 0, 60);
    prepare_say(c, (size_t)number(argv[7], 32, MAX_TEXT_BYTES));

    raise_open_files_limit();
    c->epoll_fd = check("epoll", epoll_create1(0));
    c->connections = or_die("calloc", calloc((size_t)c->connection_count, sizeof *c->connections));
    for (i = 0; i < c->connection_count; i++) join(c, &c->connections[i], port);

    c->gap_ns = rate_per_s ? NS_PER_S / rate_per_s : NS_PER_S;
    c->message_count = (warmup_s + window_s) * rate_per_s;
    c->start_ns = now_ns() + NS_PER_S / 10;
    c->window_start_ns = c->start_ns + warmup_s * NS_PER_S;
    c->window_end_ns = c->window_start_ns + window_s * NS_PER_S;
    start_timer(c);

    run_until(c, c->window_start_ns);
    cpu_at_start_s = cpu_s();
    run_until(c, c->window_end_ns);
    cpu_in_window_s = cpu_s() - cpu_at_start_s;
    run_until(c, c->window_end_ns + drain_s * NS_PER_S);

    printf("{\"deliveries_in_window\": %" PRIu64 ", \"deliveries_expected\": %" PRIu64
           ", \"deliveries_received\": %" PRIu64 ", \"messages_unsent\": %" PRIu64
           ", \"window_s\": %" PRId64 ", \"cpu_s\": %.6f, \"peak_rss_kb\": %ld",
           c->received_in_window, c->sent * (uint64_t)c->connection_count, c->received, c->unsent,
           window_s, cpu_in_window_s, peak_rss_kb());
    print_quantile_us(c, "p50_us", 0.50);
    print_quantile_us(c, "p99_us", 0.99);
    puts("}");
    return 0;
}
