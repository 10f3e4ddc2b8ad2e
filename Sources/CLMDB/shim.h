// LMDB, as programs of C see it.
#include <lmdb.h>
