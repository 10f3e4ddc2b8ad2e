# A Postfix to measure against: SMTP in on the loopback, addresses rewritten by a map, its queue with its syncs, out by
# its LMTP client. Unpacked or installed, with a configuration and a queue of its own. Sourced after delivery.sh.

# start_postfix SOCKET: delivers to the LMTP server there; takes mail at $postfix_port.
start_postfix() {
    local root=$unpacked libraries owner=uucp group=games name
    [[ ! -x /usr/sbin/postmap ]] || root=
    libraries=$root/usr/lib/postfix
    if id postfix > /dev/null 2>&1 && getent group postdrop > /dev/null; then owner=postfix group=postdrop; fi
    postfix=$(mktemp -d "${TMPDIR:-/tmp}/zroute-postfix.XXXXXX")
    chmod 755 "$postfix"
    postfix_port=$((20000 + RANDOM % 12000))
    mkdir -p "$postfix"/{conf,meta,data,queue/{pid,public,maildrop}}
    cp "$root/usr/share/postfix/dynamicmaps.cf" "$postfix/meta/" 2> /dev/null || touch "$postfix/meta/dynamicmaps.cf"
    echo "@virtual.example @store.internal" > "$postfix/conf/virtual"
    cat > "$postfix/conf/main.cf" <<MAIN
compatibility_level = 3.6
mail_owner = $owner
setgid_group = $group
daemon_directory = $libraries/sbin
command_directory = $root/usr/sbin
shlib_directory = $libraries
meta_directory = $postfix/meta
queue_directory = $postfix/queue
data_directory = $postfix/data
maillog_file = $postfix/log
maillog_file_prefixes = $postfix
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH=$libraries POSTLOG_SERVICE POSTLOG_HOSTNAME
export_environment = TZ MAIL_CONFIG LANG LD_LIBRARY_PATH
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = peer.example.net
mydestination =
alias_maps =
local_recipient_maps =
virtual_alias_domains = virtual.example
virtual_alias_maps = texthash:$postfix/conf/virtual
default_transport = lmtp:unix:$1
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
MAIN
    {
        echo "127.0.0.1:$postfix_port inet n - n - - smtpd"
        for name in bounce defer trace; do echo "$name unix - - n - 0 bounce"; done
        for name in error retry discard lmtp proxymap rewrite:trivial-rewrite; do
            echo "${name%:*} unix - - n - - ${name#*:}"
        done
        cat <<MASTER
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
MASTER
    } > "$postfix/conf/master.cf"
    for name in active bounce corrupt defer deferred flush hold incoming private saved trace; do
        mkdir -m 700 "$postfix/queue/$name"
        chown "$owner" "$postfix/queue/$name"
    done
    chown "$owner:$group" "$postfix"/queue/{maildrop,public}
    chmod 730 "$postfix/queue/maildrop"
    chmod 710 "$postfix/queue/public"
    chown "$owner" "$postfix/data"
    LD_LIBRARY_PATH=$libraries "$libraries/sbin/master" -c "$postfix/conf" -w < /dev/null >> "$postfix/master.out" 2>&1 ||
        { cat "$postfix/master.out" >&2; exit 1; }
    started+=("$(tr -d ' ' < "$postfix/queue/pid/master.pid")")
    await postfix_answers
}

postfix_answers() { (exec 3<> "/dev/tcp/127.0.0.1/$postfix_port") 2> /dev/null; }

# through_postfix COUNT: sends so many messages in, and waits until the last is delivered.
through_postfix() {
    local sent
    sent=$(delivered_by_postfix)
    postfix_program smtp-source -s 10 -m "$1" -l 2046 -f sender@remote.example -t user@virtual.example \
        "inet:127.0.0.1:$postfix_port"
    await postfix_has_delivered $((sent + $1))
}

delivered_by_postfix() { grep -c 'status=sent' "$postfix/log" || true; }
postfix_has_delivered() { [[ $(delivered_by_postfix) -ge $1 ]]; }
