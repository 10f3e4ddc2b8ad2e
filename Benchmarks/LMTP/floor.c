/*
 * floor: how fast can a client deliver over LMTP at all? One connection, blocking calls, nothing but the bytes.
 *
 *   floor PATH MESSAGES      prints the messages a second
 *
 * A message of 2 kB and the envelope of the next go out in one write, and the replies to both come in one read: two
 * system calls a message. What is sent is made once, and of the replies no more than the code is looked at.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char envelope[] =
    "MAIL FROM:<sender@example.org>\r\nRCPT TO:<recipient@example.net>\r\nDATA\r\n";
static char input[1 << 16];
static size_t next, filled;
static int server;

/* Reads up to the end of the next reply, and gives its first digit. */
static char reply(void)
{
    for (;;) {
        char *line = input + next, *end = memchr(line, '\n', filled - next);
        ssize_t got;

        if (end != NULL) {
            next = end - input + 1;
            if (line[3] == ' ')
                return line[0];
            continue;
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

static void expect(char digit)
{
    char got = reply();

    if (got != digit)
        errx(1, "a reply of class %c where %c was expected", got, digit);
}

static void expect_envelope(void)
{
    expect('2');
    expect('2');
    expect('3');
}

static void send_parts(const struct iovec *parts, int count, size_t size)
{
    if (writev(server, parts, count) != (ssize_t)size)
        errx(1, "the server does not take it all at once");
}

static void send_text(const char *text)
{
    struct iovec part = { (void *)text, strlen(text) };

    send_parts(&part, 1, part.iov_len);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments)
{
    static const char line[] = "A line of the message: sixty-four octets, not counting its line end.";
    static char message[2100];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = 0, width = 66;
    double began, took;
    long messages;

    if (count != 3 || strlen(arguments[1]) >= sizeof address.sun_path)
        errx(64, "usage: floor PATH MESSAGES");
    messages = atol(arguments[2]);
    for (; size + width <= 2046; size += width) {
        memcpy(message + size, line, width - 2);
        memcpy(message + size + width - 2, "\r\n", 2);
    }
    strcpy(address.sun_path, arguments[1]);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "%s", arguments[1]);
    expect('2');
    send_text("LHLO floor.example.org\r\n");
    expect('2');
    began = now();
    send_text(envelope);
    expect_envelope();
    for (long i = 0; i < messages; i++) {
        struct iovec parts[] = { { message, size }, { ".\r\n", 3 }, { (void *)envelope, sizeof envelope - 1 } };
        int is_last = i + 1 == messages;

        send_parts(parts, is_last ? 2 : 3, size + 3 + (is_last ? 0 : sizeof envelope - 1));
        expect('2');
        if (!is_last)
            expect_envelope();
    }
    took = now() - began;
    printf("%.0f\n", messages / took);
    send_text("QUIT\r\n");
    expect('2');
    return 0;
}
