// What <sys/signalfd.h> and, for GNU programs only, <fcntl.h> declare. The headers themselves would make types of the
// standard headers this module's, for whoever imports both: a sigset_t is a pointer to anything here, and off_t a long.
int signalfd(int fd, const void *mask, int flags);
int fallocate(int fd, int mode, long offset, long length);

// <sys/epoll.h> and <sys/eventfd.h>. On x86-64 the kernel has the event without padding.
struct zroute_epoll_event {
    unsigned int events;
    unsigned long long data;
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;
int epoll_create1(int flags);
int epoll_ctl(int epfd, int op, int fd, struct zroute_epoll_event *event);
int epoll_wait(int epfd, struct zroute_epoll_event *events, int maxevents, int timeout);
int eventfd(unsigned int initval, int flags);
int eventfd_read(int fd, unsigned long long *value);
int eventfd_write(int fd, unsigned long long value);

// <sys/socket.h>, for GNU programs only.
int accept4(int fd, void *address, void *length, int flags);

// <malloc.h>.
int malloc_trim(unsigned long pad);
