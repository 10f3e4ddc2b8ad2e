// The one function of libsqlite3 that Swift cannot call by its address, as it takes variable arguments. The library itself is
// loaded when it is needed (dlopen), so nothing of it is declared or linked here.
static inline int zroute_sqlite3_db_config(void *function, void *database, int option, int value) {
    return ((int (*)(void *, int, ...))function)(database, option, value, (int *)0);
}
