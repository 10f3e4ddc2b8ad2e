// pgsql-gets CONNINFO QUERY OUTSTANDING < KEYS: asks for each key by libpq alone, with so many questions outstanding: as many threads,
// each with a connection and a prepared statement. It prints how many were found, and how many a second.
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char **keys;
static size_t count, outstanding;
static const char *conninfo, *query;

static void *ask(void *argument) {
    size_t first = (size_t)argument, found = 0;
    PGconn *connection = PQconnectdb(conninfo);
    PGresult *prepared = PQprepare(connection, "q", query, 0, NULL);
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
        exit(1);
    }
    PQclear(prepared);
    for (size_t i = first; i < count; i += outstanding) {
        const char *values[] = {keys[i]};
        int lengths[] = {(int)strlen(keys[i])}, formats[] = {1};
        PGresult *result = PQexecPrepared(connection, "q", 1, values, lengths, formats, 0);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            fprintf(stderr, "%s", PQerrorMessage(connection));
            exit(1);
        }
        found += PQntuples(result) > 0;
        PQclear(result);
    }
    PQfinish(connection);
    return (void *)found;
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    conninfo = argv[1], query = argv[2], outstanding = strtoul(argv[3], NULL, 10);
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        keys = realloc(keys, (count + 1) * sizeof *keys);
        keys[count++] = strdup(line);
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pthread_t threads[outstanding];
    for (size_t i = 0; i < outstanding; i++) pthread_create(&threads[i], NULL, ask, (void *)i);
    size_t found = 0;
    for (size_t i = 0; i < outstanding; i++) {
        void *part;
        pthread_join(threads[i], &part);
        found += (size_t)part;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%zu lookups, %zu found, %.0f a second\n", count, found, (double)count / seconds);
    return 0;
}
