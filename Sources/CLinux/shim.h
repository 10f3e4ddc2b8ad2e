#include <sys/signalfd.h>
#include <sys/types.h>

// <fcntl.h> declares it for GNU programs only.
int fallocate(int fd, int mode, off_t offset, off_t len);
