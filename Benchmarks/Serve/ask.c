/* Asks a server over a Unix socket: requests of a file, one a line, each sent as a netstring.
 *
 * ask SOCKET FILE COUNT CONNECTIONS DEPTH [RATE]: COUNT requests over so many connections, DEPTH of them under way on each;
 * with RATE so many a second in all, and times are counted from when a request was due. Prints requests/s, and the times of
 * requests in microseconds: median, 99 and 99.9 of a hundred, worst. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

struct peer { int fd, under_way, number; long next_out, next_in; double *begun; char *left; size_t left_count; };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 6) return fprintf(stderr, "usage: ask SOCKET FILE COUNT CONNECTIONS DEPTH [RATE]\n"), 64;
    long count = atol(argv[3]);
    int connections = atoi(argv[4]), depth = atoi(argv[5]);
    double rate = argc > 6 ? atof(argv[6]) : 0;
    char **requests = NULL, line[1 << 16];
    long kinds = 0;
    FILE *file = fopen(argv[2], "r");
    if (!file) return perror(argv[2]), 1;
    while (fgets(line, sizeof line, file)) {
        size_t length = strcspn(line, "\n");
        char *text = malloc(length + 16);
        int head = sprintf(text, "%zu:", length);
        memcpy(text + head, line, length);
        strcpy(text + head + length, ",");
        text[head + length + 1] = 0;
        requests = realloc(requests, (kinds + 1) * sizeof *requests);
        requests[kinds++] = text;
    }
    struct peer *peers = calloc(connections, sizeof *peers);
    int poll_fd = epoll_create1(0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        peers[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(peers[i].fd, (struct sockaddr *)&address, sizeof address)) return perror(argv[1]), 1;
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, peers[i].fd, &event);
        peers[i].begun = calloc(depth, sizeof(double));
        peers[i].left = malloc(1 << 20);
    }
    double *times = malloc(count * sizeof *times);
    long sent = 0, answered = 0, bad = 0;
    double start = now();
    int turn = 0;
    while (answered < count) {
        /* Send what is due. */
        for (int tried = 0; tried < connections && sent < count; tried++) {
            struct peer *peer = &peers[turn++ % connections];
            if (peer->under_way >= depth) continue;
            static char block[1 << 20];
            size_t size = 0;
            while (peer->under_way < depth && sent < count) {
                double due = rate > 0 ? start + sent / rate : 0;
                if (rate > 0 && due > now()) break;
                const char *text = requests[sent % kinds];
                size_t length = strlen(text);
                if (size + length > sizeof block) break;
                memcpy(block + size, text, length);
                size += length;
                peer->begun[peer->next_out++ % depth] = rate > 0 ? due : 0;
                peer->under_way++;
                sent++;
                if (rate > 0) break;
            }
            if (!size) continue;
            if (rate <= 0) {
                double at = now();
                for (long k = peer->next_out - peer->under_way; k < peer->next_out; k++)
                    if (peer->begun[k % depth] == 0) peer->begun[k % depth] = at;
            }
            for (size_t done = 0; done < size;) {
                ssize_t n = send(peer->fd, block + done, size - done, MSG_NOSIGNAL);
                if (n <= 0) return perror("send"), 1;
                done += n;
            }
        }
        struct epoll_event ready[64];
        int wait = -1;
        if (rate > 0 && sent < count) wait = 0;
        int got = epoll_wait(poll_fd, ready, 64, wait);
        for (int i = 0; i < got; i++) {
            struct peer *peer = &peers[ready[i].data.u32];
            ssize_t n = recv(peer->fd, peer->left + peer->left_count, (1 << 20) - peer->left_count, 0);
            if (n <= 0) return fprintf(stderr, "the server closed a connection\n"), 1;
            peer->left_count += n;
            size_t at = 0;
            double stop = now();
            for (;;) {
                char *colon = memchr(peer->left + at, ':', peer->left_count - at);
                if (!colon) break;
                size_t length = strtoul(peer->left + at, NULL, 10), body = colon + 1 - peer->left;
                if (body + length + 1 > peer->left_count) break;
                if (memcmp(peer->left + body, "OK ", 3) && memcmp(peer->left + body, "NOTFOUND ", 9)) bad++;
                at = body + length + 1;
                times[answered++] = stop - peer->begun[peer->next_in % depth];
                peer->begun[peer->next_in++ % depth] = 0;
                peer->under_way--;
            }
            memmove(peer->left, peer->left + at, peer->left_count -= at);
        }
    }
    double seconds = now() - start;
    qsort(times, count, sizeof *times, compare);
    printf("%.0f %.1f %.1f %.1f %.1f %ld\n", count / seconds, times[count / 2] * 1e6, times[count * 99 / 100] * 1e6,
           times[count * 999 / 1000] * 1e6, times[count - 1] * 1e6, bad);
    return 0;
}
