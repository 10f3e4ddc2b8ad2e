/*
 * delay: how long does an LMTP server take for one message at a time? One connection, blocking calls.
 *
 *   delay PATH MESSAGES RECIPIENTS OCTETS     prints the microseconds that half of the messages take at the most
 *
 * The whole envelope goes out in one write, the message, about so many octets long, once it is invited; a message has its time
 * from MAIL to the last reply.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char input[1 << 16];
static size_t next, filled;
static int server;

/* Reads up to the end of the next reply, which must be of a class. */
static void expect(char digit)
{
    for (;;) {
        char *line = input + next, *end = memchr(line, '\n', filled - next);
        ssize_t got;

        if (end != NULL) {
            next = end - input + 1;
            if (line[3] != ' ')
                continue;
            if (line[0] != digit)
                errx(1, "a reply of class %c where %c was expected", line[0], digit);
            return;
        }
        memmove(input, line, filled - next);
        filled -= next;
        next = 0;
        got = read(server, input + filled, sizeof input - filled);
        if (got <= 0)
            errx(1, "the server went away");
        filled += got;
    }
}

static void send_bytes(const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = write(server, bytes, count);

        if (sent <= 0)
            err(1, "the server went away");
        bytes += sent;
        count -= sent;
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;

    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments)
{
    static const char line[] = "A line of the message: sixty-four octets, not counting its end.\r\n";
    static char block[(sizeof line - 1) * 31];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    long messages, recipients, octets, size = 0;
    char *envelope;
    double *times;

    if (count != 5 || strlen(arguments[1]) >= sizeof address.sun_path)
        errx(64, "usage: delay PATH MESSAGES RECIPIENTS OCTETS");
    messages = atol(arguments[2]);
    recipients = atol(arguments[3]);
    octets = atol(arguments[4]);
    for (size_t place = 0; place < sizeof block; place += sizeof line - 1)
        memcpy(block + place, line, sizeof line - 1);
    envelope = malloc(100 + recipients * 60);
    times = calloc(messages + 1, sizeof *times);
    if (envelope == NULL || times == NULL)
        err(1, "memory");
    strcpy(address.sun_path, arguments[1]);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "%s", arguments[1]);
    expect('2');
    send_bytes("LHLO delay.example.org\r\n", 24);
    expect('2');
    for (long i = 0; i < messages; i++) {
        double began = now();

        size = sprintf(envelope, "MAIL FROM:<sender@example.org>\r\n");
        for (long j = 0; j < recipients; j++)
            size += sprintf(envelope + size, "RCPT TO:<recipient%ld@example.net>\r\n", i * recipients + j);
        memcpy(envelope + size, "DATA\r\n", 6);
        send_bytes(envelope, size + 6);
        expect('2');
        for (long j = 0; j < recipients; j++)
            expect('2');
        expect('3');
        for (long left = octets; left > 0; left -= sizeof block)
            send_bytes(block, sizeof block);
        send_bytes(".\r\n", 3);
        for (long j = 0; j < recipients; j++)
            expect('2');
        times[i] = now() - began;
    }
    send_bytes("QUIT\r\n", 6);
    expect('2');
    qsort(times, messages, sizeof *times, compare);
    printf("%.0f\n", times[messages / 2]);
    return 0;
}
