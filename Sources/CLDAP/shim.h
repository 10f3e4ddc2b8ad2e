// The two structures of libldap that are read and written here, as ldap.h of OpenLDAP 2.5 has them. The library itself is loaded
// when it is needed (dlopen), so nothing of it is linked.

// struct berval: some bytes.
struct LDAPBytes {
    unsigned long count;
    char *start;
};

// LDAPControl: what is asked or said beside an operation.
struct LDAPControl {
    char *name;
    struct LDAPBytes value;
    char isCritical;
};
