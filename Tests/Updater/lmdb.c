/* Changes files of LMDB as other programs do, for tests: with and without its lock file, killed and stopped anywhere. */

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static MDB_env *environment;
static unsigned environment_flags = MDB_NOSUBDIR;
static unsigned database_flags;
static const char *name;
static int nul = 1;
static size_t map_size = (size_t)1 << 30;

static void check(int code, const char *what) {
    if (code == 0) return;
    fprintf(stderr, "%s: %s (%d)\n", what, mdb_strerror(code), code);
    exit(1);
}

static void open_environment(const char *path) {
    check(mdb_env_create(&environment), "create");
    check(mdb_env_set_mapsize(environment, map_size), "mapsize");
    check(mdb_env_set_maxdbs(environment, 4), "maxdbs");
    check(mdb_env_open(environment, path, environment_flags, 0644), "open");
}

static MDB_txn *begin(unsigned flags) {
    MDB_txn *transaction;
    check(mdb_txn_begin(environment, NULL, flags, &transaction), "begin");
    return transaction;
}

static MDB_dbi open_database(MDB_txn *transaction) {
    MDB_dbi database;
    check(mdb_dbi_open(transaction, name, MDB_CREATE | database_flags, &database), "database");
    return database;
}

static void put(MDB_txn *transaction, MDB_dbi database, const char *key, const char *value) {
    MDB_val k = {strlen(key) + nul, (void *)key}, v = {strlen(value) + nul, (void *)value};
    check(mdb_put(transaction, database, &k, &v, 0), "put");
}

static void say(const char *word) {
    printf("%s\n", word);
    fflush(stdout);
}

/* Lines of key, TAB, value; a commit each COUNT lines, 0 for one at the end. */
static void load(int count) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int done = 0;
    MDB_txn *transaction = begin(0);
    MDB_dbi database = open_database(transaction);
    while ((length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] == '\n') line[--length] = 0;
        char *tab = strchr(line, '\t');
        if (!tab) continue;
        *tab = 0;
        put(transaction, database, line, tab + 1);
        if (count && ++done % count == 0) {
            check(mdb_txn_commit(transaction), "commit");
            transaction = begin(0);
        }
    }
    check(mdb_txn_commit(transaction), "commit");
}

/* Rewrites one key between two values, and puts and deletes others, without end. */
static void spin(const char *key, const char *one, const char *other) {
    say("spinning");
    for (unsigned round = 0;; round++) {
        MDB_txn *transaction = begin(0);
        MDB_dbi database = open_database(transaction);
        put(transaction, database, key, round & 1 ? one : other);
        for (int index = 0; index < 20; index++) {
            char more[64];
            snprintf(more, sizeof more, "spin%u@live.example", (round * 20 + index) % 3000);
            MDB_val k = {strlen(more) + nul, more};
            if (round % 3) put(transaction, database, more, one);
            else {
                int code = mdb_del(transaction, database, &k, NULL);
                if (code != MDB_NOTFOUND) check(code, "delete");
            }
        }
        check(mdb_txn_commit(transaction), "commit");
    }
}

/* One put a transaction, as fast as it goes, without end. */
static void race(const char *key, const char *one, const char *other) {
    say("racing");
    for (unsigned round = 0;; round++) {
        MDB_txn *transaction = begin(0);
        put(transaction, open_database(transaction), key, round & 1 ? one : other);
        check(mdb_txn_commit(transaction), "commit");
    }
}

/* Puts and deletes at random, values of all sizes, many commits. */
static void stress(unsigned seed, int rounds) {
    static char value[30000];
    memset(value, 'v', sizeof value - 1);
    srandom(seed);
    for (int round = 0; round < rounds; round++) {
        MDB_txn *transaction = begin(0);
        MDB_dbi database = open_database(transaction);
        int count = random() % 200;
        for (int index = 0; index < count; index++) {
            char key[300];
            int number = random() % 3000;
            snprintf(key, sizeof key, "key%dx", number);
            MDB_val k = {strlen(key) + nul, key};
            MDB_val v = {random() % 10 ? random() % 600 : random() % sizeof value, value};
            int code = random() % 3 ? mdb_put(transaction, database, &k, &v, 0) : mdb_del(transaction, database, &k, NULL);
            if (code != MDB_NOTFOUND) check(code, "change");
        }
        if (random() % 10) check(mdb_txn_commit(transaction), "commit");
        else mdb_txn_abort(transaction);
    }
}

int main(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "nlwsdirN:m:")) != -1) switch (option) {
        case 'n': nul = 0; break;
        case 'l': environment_flags |= MDB_NOLOCK; break;
        case 'w': environment_flags |= MDB_WRITEMAP; break;
        case 's': environment_flags |= MDB_NOSYNC; break;
        case 'd': database_flags |= MDB_DUPSORT; break;
        case 'i': database_flags |= MDB_INTEGERKEY; break;
        case 'r': database_flags |= MDB_REVERSEKEY; break;
        case 'N': name = optarg; break;
        case 'm': map_size = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    argc -= optind;
    argv += optind;
    if (argc < 2) return 2;
    const char *command = argv[0], *path = argv[1];
    if (!strcmp(command, "directory")) environment_flags &= ~MDB_NOSUBDIR;
    open_environment(path);
    if (!strcmp(command, "load") || !strcmp(command, "directory")) load(argc > 2 ? atoi(argv[2]) : 0);
    else if (!strcmp(command, "put")) {
        MDB_txn *transaction = begin(0);
        put(transaction, open_database(transaction), argv[2], argv[3]);
        check(mdb_txn_commit(transaction), "commit");
    } else if (!strcmp(command, "spin")) spin(argv[2], argv[3], argv[4]);
    else if (!strcmp(command, "race")) race(argv[2], argv[3], argv[4]);
    else if (!strcmp(command, "stress")) stress(atoi(argv[2]), atoi(argv[3]));
    else if (!strcmp(command, "hold")) {
        /* The right to write, until killed. */
        MDB_txn *transaction = begin(0);
        put(transaction, open_database(transaction), "held@live.example", "x");
        say("holding");
        pause();
    } else if (!strcmp(command, "die")) {
        MDB_txn *transaction = begin(0);
        put(transaction, open_database(transaction), argv[2], argv[3]);
        raise(SIGKILL);
    } else if (!strcmp(command, "open")) {
        /* The file, and a place in the table of readers. */
        MDB_txn *transaction = begin(MDB_RDONLY);
        mdb_txn_reset(transaction);
        say("open");
        pause();
    } else if (!strcmp(command, "readers")) {
        /* All places in the table of readers. */
        mdb_env_close(environment);
        environment_flags |= MDB_NOTLS;
        open_environment(path);
        MDB_txn *transaction;
        int count = 0;
        while (mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction) == 0) count++;
        printf("%d\n", count);
        fflush(stdout);
        pause();
    } else return 2;
    mdb_env_close(environment);
    return 0;
}
