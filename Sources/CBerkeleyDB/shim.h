// db.h uses u_int32_t and friends without including the header that declares them.
#include <sys/types.h>
#include <db.h>
