# Shared by the benchmarks of directories: a slapd of OpenLDAP with as many people as are asked for, on a socket of its own.

servers=$PWD/.build/servers
libraries=$(dirname "$(find "$servers/usr/lib" -name 'libslapi-*' -print -quit)")
place=$work/ldap
server=
trap '[[ ! $server ]] || kill "$server"' EXIT

# directory N: starts a provider with N people, and writes the same as a text map, and both as descriptions.
directory() {
    [[ ! $server ]] || { kill "$server" && wait "$server" || true; }
    rm -rf "$place" && mkdir -p "$place/data"
    cat > "$place/slapd.conf" <<END
include $servers/etc/ldap/schema/core.schema
include $servers/etc/ldap/schema/cosine.schema
include $servers/etc/ldap/schema/inetorgperson.schema
include $servers/etc/ldap/schema/misc.schema
modulepath $servers/usr/lib/ldap
moduleload back_mdb
moduleload syncprov
serverID 1
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw secret
directory $place/data
maxsize 8589934592
dbnosync
index mail eq
index objectClass,entryCSN,entryUUID eq
limits * size=unlimited time=unlimited
access to * by * read
overlay syncprov
END
    {
        printf 'dn: dc=example,dc=org\nobjectClass: organization\nobjectClass: dcObject\ndc: example\no: example\n\n'
        seq "$1" | awk '{ printf "dn: uid=u%d,dc=example,dc=org\nobjectClass: account\nobjectClass: pilotPerson\n" \
            "objectClass: inetLocalMailRecipient\nuid: u%d\ncn: u\nsn: u\nmail: user%d@d%d.example\n" \
            "mailLocalAddress: smtp-lmtp!node!user%d\n\n", $1, $1, $1, $1 % 977, $1 }' |
            sed '/objectClass: account/d; s/objectClass: pilotPerson/objectClass: inetOrgPerson/'
    } > "$place/entries.ldif"
    LD_LIBRARY_PATH=$libraries "$servers/usr/sbin/slapadd" -q -w -f "$place/slapd.conf" -l "$place/entries.ldif"
    uri=ldapi://$(sed 's#/#%2F#g' <<< "$place/s")
    LD_LIBRARY_PATH=$libraries "$servers/usr/sbin/slapd" -d 0 -f "$place/slapd.conf" -h "$uri" &
    server=$!
    until [[ -S $place/s ]]; do sleep 0.1; done
    seq "$1" | awk '{ print "user" $1 "@d" $1 % 977 ".example smtp-lmtp!node!user" $1 }' > "$place/text"
    printf 'uri %s\nbase dc=example,dc=org\nfilter (mail=%%s)\nattr mailLocalAddress\ncanary user1@d1.example\n' "$uri" \
        > "$place/map.ldap"
}
