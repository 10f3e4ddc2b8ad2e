// The constant databases of tinycdb, as programs of C see them.
#include <cdb.h>
