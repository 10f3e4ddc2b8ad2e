/*
 * faults: a library to be preloaded into a program, which is then killed, or finds the disk full, at the n-th of its
 * changes to files. The program is the one that is installed, with nothing added to it for the test.
 *
 *   FAULT_AT    the number of the change at which it happens, counted from 1; 0 for none
 *   FAULT_MODE  "kill": the process is killed, half-way through where the change is a write; "full": the change and all
 *               writes after it fail with ENOSPC, but for one that makes room; "failing": the change fails with EIO
 *   FAULT_LOG   a file to which the number of changes is written at the end
 *
 * Changes are: write and pwrite to regular files other than the standard streams, ftruncate, fsync, fdatasync, open and
 * openat with O_CREAT, rename, renameat, link, linkat, unlink, unlinkat, chmod, chown.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long number, wanted, full, is_kill, code;

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("FAULT_AT"), *mode = getenv("FAULT_MODE");

    wanted = at == NULL ? 0 : atol(at);
    is_kill = mode != NULL && strcmp(mode, "kill") == 0;
    code = mode != NULL && strcmp(mode, "failing") == 0 ? EIO : ENOSPC;
}

__attribute__((destructor)) static void end(void)
{
    const char *log = getenv("FAULT_LOG");
    FILE *file = log == NULL ? NULL : fopen(log, "w");

    if (file != NULL) {
        fprintf(file, "%ld\n", number);
        fclose(file);
    }
}

/* Whether the change is to happen whole. */
static int proceed(void)
{
    number++;
    if (number == wanted) {
        if (is_kill)
            return 0;
        full = code == ENOSPC;
    }
    return 1;
}

/* Whether a change that takes room is to fail. */
static int fails(void)
{
    return full || (number == wanted && !is_kill);
}

static int is_file(int descriptor)
{
    struct stat status;

    return descriptor > STDERR_FILENO && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static int refused(void)
{
    errno = (int) code;
    return -1;
}

#define CHANGE() do { if (!proceed()) raise(SIGKILL); if (number == wanted) return refused(); } while (0)

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    ssize_t (*next)(int, const void *, size_t) = real("write");

    if (!is_file(descriptor))
        return next(descriptor, bytes, count);
    if (!proceed()) {
        next(descriptor, bytes, count / 2);
        raise(SIGKILL);
    }
    return fails() ? refused() : next(descriptor, bytes, count);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t place)
{
    ssize_t (*next)(int, const void *, size_t, off64_t) = real("pwrite64");

    if (!is_file(descriptor))
        return next(descriptor, bytes, count, place);
    if (!proceed()) {
        next(descriptor, bytes, count / 2, place);
        raise(SIGKILL);
    }
    return fails() ? refused() : next(descriptor, bytes, count, place);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t place)
{
    return pwrite64(descriptor, bytes, count, place);
}

static int opening(const char *symbol, const char *path, int flags, mode_t mode)
{
    int (*next)(const char *, int, ...) = real(symbol);

    if (flags & O_CREAT)
        CHANGE();
    return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opening("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opening("open64", path, flags, mode);
}

static int opening_at(const char *symbol, int directory, const char *path, int flags, mode_t mode)
{
    int (*next)(int, const char *, int, ...) = real(symbol);

    if (flags & O_CREAT)
        CHANGE();
    return next(directory, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opening_at("openat", directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opening_at("openat64", directory, path, flags, mode);
}

int fsync(int descriptor)
{
    int (*next)(int) = real("fsync");

    CHANGE();
    return next(descriptor);
}

int fdatasync(int descriptor)
{
    int (*next)(int) = real("fdatasync");

    CHANGE();
    return next(descriptor);
}

int ftruncate64(int descriptor, off64_t size)
{
    int (*next)(int, off64_t) = real("ftruncate64");

    CHANGE();
    return next(descriptor, size);
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = real("rename");

    CHANGE();
    return next(from, to);
}

int link(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = real("link");

    CHANGE();
    return next(from, to);
}

int renameat(int from, const char *name, int to, const char *new)
{
    int (*next)(int, const char *, int, const char *) = real("renameat");

    CHANGE();
    return next(from, name, to, new);
}

int linkat(int from, const char *name, int to, const char *new, int flags)
{
    int (*next)(int, const char *, int, const char *, int) = real("linkat");

    CHANGE();
    return next(from, name, to, new, flags);
}

/* A name that goes makes room: no full disk keeps it. */
#define REMOVAL() \
    do { \
        if (!proceed()) \
            raise(SIGKILL); \
        if (number == wanted && code != ENOSPC) \
            return refused(); \
    } while (0)

int unlink(const char *path)
{
    int (*next)(const char *) = real("unlink");

    REMOVAL();
    return next(path);
}

int unlinkat(int directory, const char *name, int flags)
{
    int (*next)(int, const char *, int) = real("unlinkat");

    REMOVAL();
    return next(directory, name, flags);
}

int chmod(const char *path, mode_t mode)
{
    int (*next)(const char *, mode_t) = real("chmod");

    CHANGE();
    return next(path, mode);
}

int chown(const char *path, uid_t user, gid_t group)
{
    int (*next)(const char *, uid_t, gid_t) = real("chown");

    CHANGE();
    return next(path, user, group);
}
