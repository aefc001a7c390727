/* A load generator that polls and never sleeps, so that no response of the server has to wake it up.
 *
 *   load PORT CONNECTIONS SECONDS RATE < request
 *
 * Sends the request read from standard input repeatedly over keep-alive connections to 127.0.0.1, one at a time on
 * each. RATE 0: the next request follows the response. Otherwise: RATE requests a second in total, and latencies are
 * measured from the moment a request was due; below SLEEPING requests a second it sleeps, a millisecond at a time, to
 * leave its core to another load generator. After SECONDS it waits for the pending responses.
 * Prints a JSON object: responses, errors (not 2xx), elapsed seconds, latencies in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 1 << 16, HEAD = 1 << 16, CONNECTIONS = 4096, BINS = 4000000, TIMEOUT = 20, SLEEPING = 200 };

typedef struct {
    int fd, busy, have; /* have: bytes of the head read so far */
    long left;          /* bytes of the body not yet read; -1 while reading the head */
    double since;
    char head[HEAD + 1];
} Line;

static char request[REQUEST];
static size_t request_size;
static int port, epoll;
static uint32_t bins[BINS + 1]; /* responses by latency in whole microseconds */
static long responses, errors;
static double longest;

static void fail(const char *why) {
    fprintf(stderr, "load: %s\n", why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void open_line(Line *line) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    int one = 1;
    line->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)&to, sizeof to)) fail("cannot connect");
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(line->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, line->fd, &event)) fail("cannot watch a connection");
}

static void send_request(Line *line, double since) {
    line->since = since, line->have = 0, line->left = -1, line->busy = 1;
    if (send(line->fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size) return;
    close(line->fd); /* the server closed an idle connection: retry on a new one */
    open_line(line);
    if (send(line->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) fail("cannot send");
}

/* Parse the complete head for the length of the body. */
static void parse_head(Line *line, char *end) {
    char *length;
    *end = 0;
    if (line->head[9] != '2') errors++;
    length = strcasestr(line->head, "\r\ncontent-length:");
    if (!length && strncmp(line->head + 9, "204", 3)) fail("a response without Content-Length");
    line->left = (length ? atol(length + 17) : 0) - (line->head + line->have - (end + 4));
}

static void count(double latency) {
    long bin = latency * 1e6;
    bins[bin < BINS ? bin : BINS]++;
    responses++;
    if (latency > longest) longest = latency;
}

/* Read what has arrived; return whether the response is complete. */
static int receive(Line *line) {
    static char rest[1 << 18];
    int heading = line->left < 0;
    ssize_t got = heading ? recv(line->fd, line->head + line->have, HEAD - line->have, 0)
                          : recv(line->fd, rest, sizeof rest, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) {
        if (line->busy && line->have) fail("the server closed a connection within a response");
        close(line->fd);
        open_line(line);
        if (line->busy) send_request(line, line->since);
        return 0;
    }
    if (!heading) line->left -= got;
    else {
        char *end;
        line->have += got, line->head[line->have] = 0;
        if ((end = strstr(line->head, "\r\n\r\n"))) parse_head(line, end);
        else if (line->have == HEAD) fail("a head that is too long");
    }
    return line->left == 0;
}

static long percentile(double part) {
    long seen = 0, bin = 0;
    while (bin < BINS && (seen += bins[bin]) < responses * part) bin++;
    return bin;
}

int main(int argc, char **argv) {
    static struct epoll_event events[CONNECTIONS];
    int connections, sleep_ms, out = 0;
    double seconds, rate, start, end, due;
    Line *lines;
    if (argc != 5) fail("usage: load PORT CONNECTIONS SECONDS RATE < request");
    port = atoi(argv[1]), connections = atoi(argv[2]), seconds = atof(argv[3]), rate = atof(argv[4]);
    if (connections < 1 || connections > CONNECTIONS) fail("from 1 to 4096 connections");
    request_size = fread(request, 1, REQUEST, stdin);
    lines = calloc(connections, sizeof *lines);
    epoll = epoll_create1(0);
    for (int i = 0; i < connections; i++) open_line(&lines[i]);
    sleep_ms = rate && rate < SLEEPING;
    start = due = now(), end = start + seconds;
    for (int i = 0; !rate && i < connections; i++, out++) send_request(&lines[i], start);
    for (int idle = 0; out || now() < end;) {
        int ready = epoll_wait(epoll, events, CONNECTIONS, sleep_ms);
        if (ready == 0 && now() > end + TIMEOUT) fail("a response timed out");
        for (int i = 0; i < ready; i++) {
            Line *line = events[i].data.ptr;
            if (!receive(line)) continue;
            double then = now();
            count(then - line->since);
            line->busy = 0;
            if (!rate && then < end) send_request(line, then);
            else out--;
        }
        for (; rate && due <= now() && due < end && out < connections; due += 1 / rate, out++) {
            while (lines[idle].busy) idle = (idle + 1) % connections;
            send_request(&lines[idle], due);
        }
    }
    printf("{\"responses\": %ld, \"errors\": %ld, \"seconds\": %.6f, \"p50\": %ld, \"p99\": %ld, \"p999\": %ld, \"max\": %.0f}\n",
           responses, errors, now() - start, percentile(0.5), percentile(0.99), percentile(0.999), longest * 1e6);
    return 0;
}
