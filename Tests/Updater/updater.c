/*
 * updater: changes a btree inside a Berkeley DB CDB environment, as the program of some other project would that keeps
 * a live map. The tests use it so that what zroute reads was not written by zroute.
 *
 *   updater [-n] load   HOME FILE              lines "KEY TAB VALUE" from standard input
 *   updater [-n] put    HOME FILE KEY VALUE
 *   updater [-n] delete HOME FILE KEY
 *   updater [-n] spin   HOME FILE KEY VALUE    puts KEY again and again, with other keys coming and going around it, so
 *                                              that pages split; says "spinning" once and ends with standard input
 *   updater [-n] die    HOME FILE KEY VALUE    kills itself inside the put, with the lock held and the page pinned
 *   updater [-n] hold   HOME FILE              stands on the first entry with a cursor, says "holding", and kills itself
 *                                              when standard input ends
 *
 * -n leaves out the NUL that ZMailer ends keys and values with. Exit status: 0 done, 1 failed, 64 wrong usage.
 */
#include <sys/types.h>
#include <db.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t ending = 1;

static int failed(const char *what, int code)
{
    if (code != 0)
        fprintf(stderr, "updater: %s: %s\n", what, db_strerror(code));
    return code != 0;
}

static DBT thing(const char *text)
{
    DBT dbt;

    memset(&dbt, 0, sizeof dbt);
    dbt.data = (void *) text;
    dbt.size = (u_int32_t) (strlen(text) + ending);
    return dbt;
}

static int put(DB *db, const char *key, const char *value)
{
    DBT k = thing(key), v = thing(value);

    return failed("put", db->put(db, NULL, &k, &v, 0));
}

static int delete(DB *db, const char *key)
{
    DBT k = thing(key);

    return failed("delete", db->del(db, NULL, &k, 0));
}

static int load(DB *db)
{
    char *line = NULL, *tab;
    size_t room = 0;
    int bad = 0;

    while (!bad && getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if ((tab = strchr(line, '\t')) == NULL)
            continue;
        *tab = '\0';
        bad = put(db, line, tab + 1);
    }
    free(line);
    return bad;
}

/* A key of some 600 bytes near KEY: six of them fill a page. */
static void neighbour(char *buffer, size_t size, const char *key, unsigned long number)
{
    int length = snprintf(buffer, size, "%.64s-%lu-", key, number);

    memset(buffer + length, 'x', size - 1 - (size_t) length);
    buffer[size - 1] = '\0';
}

static int spin(DB *db, const char *key, const char *value)
{
    enum { NEIGHBOURS = 300 };
    struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
    char other[600];
    unsigned long turn;
    int bad = 0;

    for (turn = 0; !bad; turn++) {
        neighbour(other, sizeof other, key, turn % NEIGHBOURS);
        if (turn / NEIGHBOURS % 2 == 0)
            bad = put(db, other, value) || put(db, key, value);
        else
            bad = delete(db, other) || put(db, key, value);
        if (turn == 0) {
            puts("spinning");
            fflush(stdout);
        }
        if (poll(&input, 1, 0) > 0)
            break;
    }
    return bad;
}

/* Compares keys as Berkeley DB does by itself, until it is told to die. */
static int dying;

static int compare(DB *db, const DBT *left, const DBT *right)
{
    size_t common = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->data, right->data, common);

    (void) db;
    if (dying)
        raise(SIGKILL);
    return order != 0 ? order : left->size < right->size ? -1 : left->size > right->size;
}

static int hold(DB *db)
{
    struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
    DBC *cursor;
    DBT key = { 0 }, value = { 0 };

    if (failed("cursor", db->cursor(db, NULL, &cursor, 0))
        || failed("first", cursor->get(cursor, &key, &value, DB_FIRST)))
        return 1;
    puts("holding");
    fflush(stdout);
    poll(&input, 1, -1);
    return raise(SIGKILL);
}

static int usage(void)
{
    fputs("usage: updater [-n] load|put|delete|spin|die|hold HOME FILE [KEY [VALUE]]\n", stderr);
    return 64;
}

int main(int argc, char **argv)
{
    DB_ENV *environment;
    DB *db;
    const char *command;
    int bad, wanted;

    if (argc > 1 && strcmp(argv[1], "-n") == 0) {
        ending = 0;
        argv++;
        argc--;
    }
    if (argc < 4)
        return usage();
    command = argv[1];
    wanted = strcmp(command, "load") == 0 || strcmp(command, "hold") == 0 ? 4
        : strcmp(command, "delete") == 0 ? 5
        : strcmp(command, "put") == 0 || strcmp(command, "spin") == 0
        || strcmp(command, "die") == 0 ? 6 : 0;
    if (argc != wanted)
        return usage();

    if (failed("environment", db_env_create(&environment, 0))
        || failed(argv[2], environment->open(environment, argv[2], DB_INIT_CDB | DB_INIT_MPOOL | DB_CREATE, 0644))
        || failed("database", db_create(&db, environment, 0))
        || (strcmp(command, "die") == 0 && failed("compare", db->set_bt_compare(db, compare)))
        || failed(argv[3], db->open(db, NULL, argv[3], NULL, DB_BTREE, DB_CREATE, 0644)))
        return 1;
    switch (command[0]) {
    case 'l': bad = load(db); break;
    case 'p': bad = put(db, argv[4], argv[5]); break;
    case 'd':
        dying = wanted == 6;
        bad = dying ? put(db, argv[4], argv[5]) : delete(db, argv[4]);
        break;
    case 'h': bad = hold(db); break;
    default: bad = spin(db, argv[4], argv[5]); break;
    }
    bad |= failed("close", db->close(db, 0));
    bad |= failed("close", environment->close(environment, 0));
    return bad;
}
