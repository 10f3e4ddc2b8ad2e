/*
 * interrupter: runs a program on a terminal of its own and interrupts it, as a person at that terminal would.
 *
 *   interrupter HOW MICROSECONDS PROGRAM [ARGUMENT...]
 *
 * HOW: INT      types ^C after that time
 *      TWICE    types ^C then, and again at once
 *      QUIT     types ^\
 *      HUP      closes the terminal
 *      TERM     sends SIGTERM
 *      PIPE     stops reading the program's standard output, which is a pipe then, not the terminal
 *      NONE     lets it run
 *
 * Prints one line on standard output: how the program ended, `exit N` or `signal N`, and the milliseconds from the
 * interruption to its end; what the program wrote on the terminal goes to standard error. A program that still runs 30
 * seconds after the interruption is killed, and `hangs` is printed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

/* Passes on what the program writes; gives -1 in the place of a descriptor that is at its end. */
static int drain(int descriptor, int show)
{
    char buffer[65536];
    ssize_t got = read(descriptor, buffer, sizeof buffer);

    if (got <= 0)
        return -1;
    if (show && write(STDERR_FILENO, buffer, (size_t) got) < 0)
        return -1;
    return descriptor;
}

int main(int argc, char **argv)
{
    int terminal, output[2] = { -1, -1 }, status = 0, done = 0, hangs = 0;
    long begun, interrupted = 0, delay;
    const char *how;
    pid_t child;

    if (argc < 4) {
        fputs("usage: interrupter HOW MICROSECONDS PROGRAM [ARGUMENT...]\n", stderr);
        return 64;
    }
    how = argv[1];
    delay = atol(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(how, "PIPE") == 0 && pipe2(output, O_CLOEXEC) != 0)
        return 71;
    child = forkpty(&terminal, NULL, NULL, NULL);
    if (child < 0)
        return 71;
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        /* Programs of a toolchain take SIGQUIT for a crash, and offer to be looked into on the terminal. */
        setenv("SWIFT_BACKTRACE", "enable=no", 1);
        if (output[1] >= 0)
            dup2(output[1], STDOUT_FILENO);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    if (output[1] >= 0)
        close(output[1]);
    begun = now();
    while (!done) {
        struct pollfd readable[2] = { { terminal, POLLIN, 0 }, { output[0], POLLIN, 0 } };
        long left = delay - (now() - begun);
        struct timespec pause = { 0, 2000000 };

        if (interrupted == 0 && left < 2000)
            pause.tv_nsec = (left > 0 ? left : 0) * 1000;
        ppoll(readable, 2, &pause, NULL);
        if (readable[0].revents != 0)
            terminal = drain(terminal, 1);
        if (readable[1].revents != 0)
            output[0] = drain(output[0], 0);
        done = waitpid(child, &status, WNOHANG) == child;
        if (!done && interrupted == 0 && now() - begun >= delay && strcmp(how, "NONE") != 0) {
            interrupted = now();
            if (strcmp(how, "TERM") == 0) {
                kill(child, SIGTERM);
            } else if (strcmp(how, "PIPE") == 0) {
                close(output[0]);
                output[0] = -1;
            } else if (strcmp(how, "HUP") == 0) {
                close(terminal);
                terminal = -1;
            } else {
                const char *typed = strcmp(how, "QUIT") == 0 ? "\034" : "\003";

                if (write(terminal, typed, 1) != 1 || (strcmp(how, "TWICE") == 0 && write(terminal, typed, 1) != 1))
                    return 71;
            }
        }
        if (!done && interrupted != 0 && now() - interrupted > 30000000) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            done = hangs = 1;
        }
    }
    /* What it wrote at last. */
    while (terminal >= 0) {
        struct pollfd readable = { terminal, POLLIN, 0 };

        if (poll(&readable, 1, 0) <= 0)
            break;
        terminal = drain(terminal, 1);
    }
    if (hangs)
        puts("hangs");
    else if (WIFSIGNALED(status))
        printf("signal %d", WTERMSIG(status));
    else
        printf("exit %d", WEXITSTATUS(status));
    printf(" %ld\n", interrupted == 0 ? 0 : (now() - interrupted) / 1000);
    return 0;
}
