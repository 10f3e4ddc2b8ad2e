/*
 * gets: the floor that resolving through Berkeley DB is held against: nothing but the library's gets that the same
 * addresses need, in the same files with the same settings.
 *
 *   gets [-e HOME] < LIST         LIST: FILE TAB KEY, one get a line; files below -e's paths are opened in the environment
 *
 * FILE is prefixed with "live:" where it is to be opened in the environment of -e. Prints the number of gets and hits.
 */
#include <sys/stat.h>
#include <sys/types.h>
#include <db.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 32

static struct file {
    char *name;
    DB *db;
} files[FILES];
static int count;
static DB_ENV *environment;

static void check(const char *what, int code)
{
    if (code == 0)
        return;
    fprintf(stderr, "gets: %s: %s\n", what, db_strerror(code));
    exit(1);
}

/* As zroute opens them: read-only, no mmap, a cache of the file's size and a quarter, at most 8 MiB. */
static DB *opened(const char *name)
{
    const char *path = name;
    DB_ENV *env = NULL;
    struct stat status;
    long cache;
    DB *db;
    int i;

    for (i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].db;
    if (count == FILES) {
        fprintf(stderr, "gets: too many files\n");
        exit(1);
    }
    if (strncmp(name, "live:", 5) == 0) {
        path = name + 5;
        env = environment;
    }
    check(path, stat(path, &status) == 0 ? 0 : 2);
    check(path, db_create(&db, env, 0));
    if (env == NULL) {
        cache = status.st_size + status.st_size / 4;
        if (cache < 256 << 10)
            cache = 256 << 10;
        if (cache > 8 << 20)
            cache = 8 << 20;
        check(path, db->set_cachesize(db, 0, (u_int32_t) cache, 1));
    }
    check(path, db->open(db, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY | DB_NOMMAP, 0));
    files[count].name = strdup(name);
    files[count].db = db;
    return files[count++].db;
}

int main(int argc, char **argv)
{
    struct get { DB *db; char *key; u_int32_t size; } *gets = NULL;
    size_t all = 0, room = 0, i, hits = 0;
    char *line = NULL;
    size_t capacity = 0;

    if (argc == 3 && strcmp(argv[1], "-e") == 0) {
        check("environment", db_env_create(&environment, 0));
        check(argv[2], environment->open(environment, argv[2], DB_INIT_CDB | DB_INIT_MPOOL | DB_CREATE, 0600));
    }
    /* The list is read before the gets, so that the difference between two lists is little more than their gets. */
    while (getline(&line, &capacity, stdin) > 0) {
        char *tab = strchr(line, '\t');

        if (tab == NULL)
            continue;
        *tab = 0;
        tab[1 + strcspn(tab + 1, "\n")] = 0;
        if (all == room) {
            room = room ? 2 * room : 4096;
            gets = realloc(gets, room * sizeof *gets);
        }
        gets[all].db = opened(line);
        gets[all].key = strdup(tab + 1);
        gets[all++].size = (u_int32_t) strlen(tab + 1) + 1;
    }
    for (i = 0; i < all; i++) {
        DBT key, value;
        int code;

        memset(&key, 0, sizeof key);
        memset(&value, 0, sizeof value);
        key.data = gets[i].key;
        key.size = gets[i].size;
        code = gets[i].db->get(gets[i].db, NULL, &key, &value, 0);
        if (code == 0)
            hits++;
        else if (code != DB_NOTFOUND)
            check("get", code);
    }
    printf("%zu gets, %zu hits\n", all, hits);
    for (i = 0; i < (size_t) count; i++)
        files[i].db->close(files[i].db, DB_NOSYNC);
    if (environment != NULL)
        environment->close(environment, 0);
    return 0;
}
