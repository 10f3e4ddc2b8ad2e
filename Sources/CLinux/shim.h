// What <sys/signalfd.h> and, for GNU programs only, <fcntl.h> declare. The headers themselves would make types of the
// standard headers this module's, for whoever imports both: a sigset_t is a pointer to anything here, and off_t a long.
int signalfd(int fd, const void *mask, int flags);
int fallocate(int fd, int mode, long offset, long length);
