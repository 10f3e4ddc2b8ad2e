/*
 * writer: changes a live map as fast as it can while somebody reads it, and says how long it was kept waiting.
 *
 *   writer HOME FILE SECONDS       puts keys into a btree of a CDB environment, one after another
 *
 * Prints the number of puts and the longest one in milliseconds.
 */
#include <sys/types.h>
#include <db.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check(const char *what, int code)
{
    if (code == 0)
        return;
    fprintf(stderr, "writer: %s: %s\n", what, db_strerror(code));
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    DB_ENV *environment;
    DB *db;
    double end, longest = 0;
    unsigned long puts = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: writer HOME FILE SECONDS\n");
        return 64;
    }
    check("environment", db_env_create(&environment, 0));
    check(argv[1], environment->open(environment, argv[1], DB_INIT_CDB | DB_INIT_MPOOL | DB_CREATE, 0600));
    check(argv[2], db_create(&db, environment, 0));
    check(argv[2], db->open(db, NULL, argv[2], NULL, DB_BTREE, 0, 0644));
    for (end = now() + atof(argv[3]) * 1e3; now() < end; puts++) {
        char name[64];
        DBT key, value;
        double start = now(), took;

        memset(&key, 0, sizeof key);
        memset(&value, 0, sizeof value);
        snprintf(name, sizeof name, "writer%lu@changing.example", puts % 1000);
        key.data = name;
        key.size = (u_int32_t) strlen(name) + 1;
        value.data = "smtp-lmtp!node!user%2";
        value.size = (u_int32_t) strlen(value.data) + 1;
        check("put", db->put(db, NULL, &key, &value, 0));
        took = now() - start;
        if (took > longest)
            longest = took;
    }
    printf("%lu %.2f\n", puts, longest);
    check("close", db->close(db, 0));
    check("close", environment->close(environment, 0));
    return 0;
}
