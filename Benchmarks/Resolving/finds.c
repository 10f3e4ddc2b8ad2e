/*
 * finds: the floor that lookups in a constant map are held against: nothing but the library's finds of the same keys.
 *
 *   finds FILE PASSES < KEYS
 */
#include <cdb.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct key { char *bytes; unsigned size; } *keys = NULL;
    size_t count = 0, room = 0, i;
    long passes = argc == 3 ? atol(argv[2]) : 0, pass, found = 0;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    struct cdb cdb;
    int file;

    if (argc != 3 || (file = open(argv[1], O_RDONLY)) < 0 || cdb_init(&cdb, file) != 0) {
        fprintf(stderr, "usage: finds FILE PASSES < KEYS\n");
        return 1;
    }
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        if (count == room) {
            room = room ? 2 * room : 4096;
            keys = realloc(keys, room * sizeof *keys);
        }
        if (line[length - 1] == '\n')
            line[--length] = 0;
        keys[count].bytes = strdup(line);
        keys[count++].size = (unsigned) length;
    }
    for (pass = 0; pass < passes; pass++)
        for (i = 0; i < count; i++) {
            int code = cdb_find(&cdb, keys[i].bytes, keys[i].size);

            if (code < 0) {
                perror("finds");
                return 1;
            }
            found += code;
        }
    printf("%ld lookups, %ld found\n", passes * (long) count, found);
    return 0;
}
