/*
 * relay: how fast can anything between a client and an LMTP server be? One thread that reads and writes, and looks at nothing.
 *
 *   relay PATH SERVER     listens at the one socket, and passes what comes there on to the other
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int peer[1 << 16], set;

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        errx(64, "%s: too long", path);
    strcpy(address.sun_path, path);
    return address;
}

static void watch(int descriptor)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = descriptor };

    if (epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) < 0)
        err(1, "epoll_ctl");
}

static void pass_on(int from)
{
    static char block[1 << 16];
    ssize_t got = read(from, block, sizeof block), sent;

    for (ssize_t done = 0; done < got; done += sent)
        if ((sent = send(peer[from], block + done, got - done, MSG_NOSIGNAL)) <= 0)
            break;
    if (got > 0)
        return;
    close(peer[from]);
    close(from);
}

int main(int count, char **arguments)
{
    struct sockaddr_un here, there;
    int listener;

    if (count != 3)
        errx(64, "usage: relay PATH SERVER");
    here = address_of(arguments[1]);
    there = address_of(arguments[2]);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    set = epoll_create1(0);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 128) < 0)
        err(1, "%s", arguments[1]);
    watch(listener);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(set, events, 64, -1);

        for (int i = 0; i < ready; i++) {
            int client, server;

            if (events[i].data.fd != listener) {
                pass_on(events[i].data.fd);
                continue;
            }
            client = accept(listener, NULL, NULL);
            server = socket(AF_UNIX, SOCK_STREAM, 0);
            if (client < 0 || connect(server, (struct sockaddr *)&there, sizeof there) < 0)
                err(1, "%s", arguments[2]);
            peer[client] = server;
            peer[server] = client;
            watch(client);
            watch(server);
        }
    }
}
