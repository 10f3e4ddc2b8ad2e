/* ldap-searches URI BASE NUMBER < KEYS: searches for each key, (mail=KEY), with NUMBER searches outstanding, as a program in C does
   that has nothing else to do. Prints how many were found, and in what time. */
#define LDAP_DEPRECATED 0
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int count, char **arguments) {
    if (count != 4) return 64;
    LDAP *handle;
    int version = 3, outstanding = 0, limit = atoi(arguments[3]), found = 0, asked = 0;
    struct timeval patience = {10, 0};
    char *attributes[] = {"mailLocalAddress", NULL};
    char line[1024], filter[1100];
    if (ldap_initialize(&handle, arguments[1]) != LDAP_SUCCESS) return 1;
    ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        while (outstanding < limit && fgets(line, sizeof line, stdin)) {
            int number;
            line[strcspn(line, "\n")] = 0;
            snprintf(filter, sizeof filter, "(mail=%s)", line);
            if (ldap_search_ext(handle, arguments[2], LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, &patience, 2, &number))
                return 1;
            outstanding++;
            asked++;
        }
        if (!outstanding) break;
        LDAPMessage *answer;
        if (ldap_result(handle, LDAP_RES_ANY, LDAP_MSG_ALL, &patience, &answer) <= 0) return 1;
        for (LDAPMessage *entry = ldap_first_entry(handle, answer); entry; entry = ldap_next_entry(handle, entry)) {
            struct berval **values = ldap_get_values_len(handle, entry, "mailLocalAddress");
            if (values && values[0]) found++;
            ldap_value_free_len(values);
        }
        ldap_msgfree(answer);
        outstanding--;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%d lookups, %d found, %ld us\n", asked, found,
           (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);
    return 0;
}
