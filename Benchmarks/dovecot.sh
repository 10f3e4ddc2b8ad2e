# Dovecot's LMTP proxy to measure against, with a configuration and a directory of its own. Sourced after delivery.sh.

# start_dovecot_proxy PORT: passes every recipient on to the LMTP server at the port; listens on the socket $proxy.
start_dovecot_proxy() {
    local place=$site/proxy as_caller=
    if [[ $EUID -ne 0 ]]; then
        as_caller="default_internal_user = $(id -un)
default_internal_group = $(id -gn)
default_login_user = $(id -un)
service anvil {
  chroot =
}
service stats {
  chroot =
}"
    fi
    rm -rf "$place"
    mkdir -p "$place/run"
    cat > "$place/dovecot.conf" <<CONF
base_dir = $place/run
state_dir = $place/run
instance_name = zroute-benchmark
protocols = lmtp
log_path = $place/log
ssl = no
lmtp_proxy = yes
passdb {
  driver = static
  args = proxy=y host=127.0.0.1 port=$1 protocol=lmtp nopassword=y
}
service lmtp {
  unix_listener $place/lmtp {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
$as_caller
CONF
    /usr/sbin/dovecot -F -c "$place/dovecot.conf" >> "$place/output" 2>&1 &
    started+=($!)
    proxy=$place/lmtp
    await test -S "$proxy"
}
