/*
 * lmdb-gets: the floor that lookups in maps of LMDB are held against: the library's gets in the same files, of keys with the NUL
 * that ends them, in a read transaction that is kept.
 *
 *   lmdb-gets < LIST              LIST: FILE TAB KEY, one get a line
 *
 * Prints the number of gets and hits.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 32

static struct file {
    char *name;
    MDB_txn *transaction;
    MDB_dbi database;
} files[FILES];
static int count;

static void check(const char *what, int code)
{
    if (code == 0)
        return;
    fprintf(stderr, "lmdb-gets: %s: %s\n", what, mdb_strerror(code));
    exit(1);
}

static struct file *opened(const char *name)
{
    MDB_env *environment;
    struct file *file;
    int i;

    for (i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    if (count == FILES) {
        fprintf(stderr, "lmdb-gets: too many files\n");
        exit(1);
    }
    file = &files[count++];
    file->name = strdup(name);
    check(name, mdb_env_create(&environment));
    check(name, mdb_env_set_mapsize(environment, 1 << 30));
    check(name, mdb_env_open(environment, name, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK, 0600));
    check(name, mdb_txn_begin(environment, NULL, MDB_RDONLY, &file->transaction));
    check(name, mdb_dbi_open(file->transaction, NULL, 0, &file->database));
    return file;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0, gets = 0, hits = 0;
    ssize_t length;

    while ((length = getline(&line, &room, stdin)) > 0) {
        char *tab = strchr(line, '\t');
        struct file *file;
        MDB_val key, value;
        int code;

        if (tab == NULL)
            continue;
        *tab = 0;
        line[length - 1] = 0;
        file = opened(line);
        key.mv_data = tab + 1;
        key.mv_size = strlen(tab + 1) + 1;
        code = mdb_get(file->transaction, file->database, &key, &value);
        if (code != MDB_NOTFOUND)
            check(line, code);
        gets++;
        hits += code == 0;
    }
    printf("%zu gets, %zu hits\n", gets, hits);
    return 0;
}
