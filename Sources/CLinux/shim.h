#include <sys/signalfd.h>

// <fcntl.h> declares it for GNU programs only. off_t is a long: <sys/types.h> would make types of the standard headers this
// module's, for whoever imports both.
int fallocate(int fd, int mode, long offset, long length);
