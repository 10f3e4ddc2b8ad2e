/*
 * sink: an LMTP server on a socket in the file system that takes every message and keeps none, for measuring clients.
 *
 *   sink PATH        serves until it is killed; any number of connections and messages
 *
 * It does as little for a message as a server can: one read for whatever has come, one write for all its replies. It
 * offers PIPELINING and 8BITMIME, and believes that its clients write correct commands.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUT = 1 << 18, OUTPUT = 1 << 16, EVENTS = 64 };

struct client {
    int socket;
    int is_in_message;      /* after DATA, up to the line with one dot */
    int is_line_start;      /* within a message: the bytes kept begin a line */
    int is_leaving;
    size_t recipients;
    size_t kept, replied;
    char input[INPUT], output[OUTPUT];
};

static void reply(struct client *client, const char *line)
{
    size_t length = strlen(line);

    if (client->replied + length > OUTPUT)
        errx(1, "more replies at once than there is room for");
    memcpy(client->output + client->replied, line, length);
    client->replied += length;
}

/* Takes the message's bytes that are there; gives how many, and leaves what may be part of its end. */
static size_t take_message(struct client *client, char *bytes, size_t count)
{
    char *end;

    if (client->is_line_start && count >= 3 && memcmp(bytes, ".\r\n", 3) == 0) {
        end = bytes + 3;
    } else if (client->is_line_start && count < 3) {
        return 0;
    } else {
        end = memmem(bytes, count, "\r\n.\r\n", 5);
        if (end == NULL) {
            if (count < 5)
                return 0;
            client->is_line_start = 0;
            return count - 4;
        }
        end += 5;
    }
    client->is_in_message = 0;
    for (; client->recipients > 0; client->recipients--)
        reply(client, "250 2.0.0 taken\r\n");
    return end - bytes;
}

/* Takes one command; gives its length, 0 while it is not all there. */
static size_t take_command(struct client *client, char *bytes, size_t count)
{
    char *end = memchr(bytes, '\n', count);

    if (end == NULL)
        return 0;
    switch (bytes[0]) {
    case 'L':
        reply(client, "250-sink\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n");
        break;
    case 'M':
        reply(client, "250 2.1.0 sender ok\r\n");
        break;
    case 'R':
        if (bytes[1] == 'C')
            client->recipients++;
        else
            client->recipients = 0;
        reply(client, "250 2.1.5 ok\r\n");
        break;
    case 'D':
        client->is_in_message = client->is_line_start = 1;
        reply(client, "354 send it\r\n");
        break;
    case 'Q':
        client->is_leaving = 1;
        reply(client, "221 2.0.0 bye\r\n");
        break;
    default:
        reply(client, "500 5.5.1 not known here\r\n");
    }
    return end - bytes + 1;
}

/* Reads once, answers once; 0 where the connection is over. */
static int serve(struct client *client)
{
    ssize_t got = read(client->socket, client->input + client->kept, INPUT - client->kept);
    size_t done = 0, taken;

    if (got <= 0)
        return 0;
    client->kept += got;
    do {
        char *bytes = client->input + done;
        size_t count = client->kept - done;

        taken = client->is_in_message ? take_message(client, bytes, count) : take_command(client, bytes, count);
        done += taken;
    } while (taken > 0 && done < client->kept);
    memmove(client->input, client->input + done, client->kept - done);
    client->kept -= done;
    for (size_t sent = 0; sent < client->replied;) {
        ssize_t written = write(client->socket, client->output + sent, client->replied - sent);

        if (written <= 0)
            return 0;
        sent += written;
    }
    client->replied = 0;
    return !client->is_leaving;
}

static void welcome(int listener, int events)
{
    static const char greeting[] = "220 sink LMTP ready\r\n";
    struct client *client = calloc(1, sizeof *client);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

    if (client == NULL || (client->socket = accept(listener, NULL, NULL)) < 0)
        err(1, "accept");
    if (epoll_ctl(events, EPOLL_CTL_ADD, client->socket, &event) < 0)
        err(1, "epoll_ctl");
    if (write(client->socket, greeting, sizeof greeting - 1) < 0)
        warn("write");
}

int main(int count, char **arguments)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct epoll_event event = { .events = EPOLLIN };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), events = epoll_create1(0);

    if (count != 2 || strlen(arguments[1]) >= sizeof address.sun_path)
        errx(64, "usage: sink PATH");
    strcpy(address.sun_path, arguments[1]);
    unlink(arguments[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0)
        err(1, "%s", arguments[1]);
    if (epoll_ctl(events, EPOLL_CTL_ADD, listener, &event) < 0)
        err(1, "epoll_ctl");
    for (;;) {
        struct epoll_event ready[EVENTS];
        int number = epoll_wait(events, ready, EVENTS, -1);

        for (int i = 0; i < number; i++) {
            struct client *client = ready[i].data.ptr;

            if (client == NULL) {
                welcome(listener, events);
            } else if (!serve(client)) {
                close(client->socket);
                free(client);
            }
        }
    }
}
