// In C, and apart from everything else: with another commit this file alone is compiled anew.
#include "build.h"

#ifndef ZROUTE_COMMIT
#define ZROUTE_COMMIT ""
#endif

const char *const zroute_build_commit = ZROUTE_COMMIT;
