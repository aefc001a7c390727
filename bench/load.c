/* A load generator that never sleeps: it polls, so that no answer of the server's has to wake it up.
 *
 *   load PORT CONNECTIONS SECONDS RATE < request
 *
 * Sends one request, as read from standard input, again and again over keep-alive connections to 127.0.0.1, one at a
 * time on each. RATE 0: the next one as soon as the answer is there. Else: RATE a second in all, and a latency counts
 * from the moment the request was due; below NAPPING a second it naps, a millisecond at a time, to leave its core to
 * another load. When SECONDS are over it waits for the answers that are still out.
 * Prints one JSON object: answers, those that were not 2xx, seconds taken, latencies in microseconds.
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

enum { REQUEST = 1 << 16, HEAD = 1 << 16, CONNECTIONS = 4096, BINS = 4000000, PATIENCE = 20, NAPPING = 200 };

typedef struct {
    int fd, busy, have; /* have: bytes of the head read so far */
    long left;          /* bytes of the body still to come; -1 while reading the head */
    double since;
    char head[HEAD + 1];
} Line;

static char request[REQUEST];
static size_t request_size;
static int port, epoll;
static uint32_t bins[BINS + 1]; /* answers by latency in whole microseconds */
static long answers, refused;
static double longest;

static void give_up(const char *why) {
    fprintf(stderr, "load: %s\n", why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void join(Line *line) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event wish = {.events = EPOLLIN, .data.ptr = line};
    int one = 1;
    line->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)&to, sizeof to)) give_up("cannot connect");
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(line->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, line->fd, &wish)) give_up("cannot watch a connection");
}

static void ask(Line *line, double since) {
    line->since = since, line->have = 0, line->left = -1, line->busy = 1;
    if (send(line->fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size) return;
    close(line->fd); /* the server closed an idle connection: once more on a new one */
    join(line);
    if (send(line->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) give_up("cannot send");
}

/* The head is whole: how much body follows it. */
static void weigh(Line *line, char *end) {
    char *length;
    *end = 0;
    if (line->head[9] != '2') refused++;
    length = strcasestr(line->head, "\r\ncontent-length:");
    if (!length && strncmp(line->head + 9, "204", 3)) give_up("an answer without Content-Length");
    line->left = (length ? atol(length + 17) : 0) - (line->head + line->have - (end + 4));
}

static void count(double latency) {
    long bin = latency * 1e6;
    bins[bin < BINS ? bin : BINS]++;
    answers++;
    if (latency > longest) longest = latency;
}

/* Reads what is there; true once the answer is whole. */
static int answered(Line *line) {
    static char rest[1 << 18];
    int heading = line->left < 0;
    ssize_t got = heading ? recv(line->fd, line->head + line->have, HEAD - line->have, 0)
                          : recv(line->fd, rest, sizeof rest, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) {
        if (line->busy && line->have) give_up("the server closed a connection within an answer");
        close(line->fd);
        join(line);
        if (line->busy) ask(line, line->since);
        return 0;
    }
    if (!heading) line->left -= got;
    else {
        char *end;
        line->have += got, line->head[line->have] = 0;
        if ((end = strstr(line->head, "\r\n\r\n"))) weigh(line, end);
        else if (line->have == HEAD) give_up("an endless head");
    }
    return line->left == 0;
}

static long percentile(double part) {
    long seen = 0, bin = 0;
    while (bin < BINS && (seen += bins[bin]) < answers * part) bin++;
    return bin;
}

int main(int count_of_words, char **words) {
    static struct epoll_event events[CONNECTIONS];
    int lines_open, nap, out = 0;
    double seconds, rate, start, end, due;
    Line *lines;
    if (count_of_words != 5) give_up("usage: load PORT CONNECTIONS SECONDS RATE < request");
    port = atoi(words[1]), lines_open = atoi(words[2]), seconds = atof(words[3]), rate = atof(words[4]);
    if (lines_open < 1 || lines_open > CONNECTIONS) give_up("from 1 to 4096 connections");
    request_size = fread(request, 1, REQUEST, stdin);
    lines = calloc(lines_open, sizeof *lines);
    epoll = epoll_create1(0);
    for (int i = 0; i < lines_open; i++) join(&lines[i]);
    nap = rate && rate < NAPPING; /* milliseconds; 0: never sleep */
    start = due = now(), end = start + seconds;
    for (int i = 0; !rate && i < lines_open; i++, out++) ask(&lines[i], start);
    for (int idle = 0; out || now() < end;) {
        int ready = epoll_wait(epoll, events, CONNECTIONS, nap);
        if (ready == 0 && now() > end + PATIENCE) give_up("answers that never came");
        for (int i = 0; i < ready; i++) {
            Line *line = events[i].data.ptr;
            if (!answered(line)) continue;
            double then = now();
            count(then - line->since);
            line->busy = 0;
            if (!rate && then < end) ask(line, then);
            else out--;
        }
        for (; rate && due <= now() && due < end && out < lines_open; due += 1 / rate, out++) {
            while (lines[idle].busy) idle = (idle + 1) % lines_open;
            ask(&lines[idle], due);
        }
    }
    printf("{\"answers\": %ld, \"refused\": %ld, \"seconds\": %.6f, \"p50\": %ld, \"p99\": %ld, \"p999\": %ld, \"max\": %.0f}\n",
           answers, refused, now() - start, percentile(0.5), percentile(0.99), percentile(0.999), longest * 1e6);
    return 0;
}
