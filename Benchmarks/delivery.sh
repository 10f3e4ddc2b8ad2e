# Shared by the benchmarks of the spool and of delivery: servers, a spool full of submissions, judging. Sourced, not run.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
load=$PWD/.build/release/lmtp-load
unpacked=$PWD/.build/servers
failed=0
started=()
trap 'for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$site/spools"' EXIT

# compile NAME: one of the programs of Benchmarks/LMTP, to .build/bench.
compile() {
    [[ $site/$1 -nt Benchmarks/LMTP/$1.c ]] || cc -O2 -Wall -Wextra -o "$site/$1" "Benchmarks/LMTP/$1.c"
}

# start_sink [COMMAND...]: our own sink, run by the command given, on the socket $sink.
start_sink() {
    compile sink
    sink=$site/sink.sock
    rm -f "$sink"
    "$@" "$site/sink" "$sink" &
    started+=($!)
    await test -S "$sink"
}

# start_smtp_sink: Postfix's smtp-sink, which keeps nothing, on the socket $smtp_sink.
start_smtp_sink() {
    local line
    coproc SMTP_SINK { KEEP=no exec Tests/Servers/smtp-sink; }
    started+=("$SMTP_SINK_PID")
    while read -r line <&"${SMTP_SINK[0]}" && [[ $line != READY ]]; do
        [[ $line != LMTP_SOCKET=* ]] || smtp_sink=${line#*=}
    done
    [[ -n ${smtp_sink:-} ]]
}

# postfix_program NAME ARGUMENT...: runs a program of Postfix, installed or unpacked.
postfix_program() {
    local program=/usr/sbin/$1
    shift
    if [[ -x $program ]]; then
        "$program" "$@"
    else
        LD_LIBRARY_PATH=$unpacked/usr/lib/postfix "$unpacked$program" "$@"
    fi
}

await() {
    local tries=600
    until "$@"; do
        ((tries-- > 0)) || { echo "gave up waiting for: $*" >&2; exit 1; }
        sleep 0.05
    done
}

# submit COUNT: a fresh spool, $spool, with so many submissions of 2 kB for users of the sample site, durable already.
#
# ext4 without a journal does not use an inode again for a minute after its file was removed, and searches past those of
# the same part of the disk for each new file: thousands of removed files make creating one ten times slower. +T puts
# each spool in another part, and none is removed before the end.
submit() {
    mkdir -p "$site/spools"
    chattr +T "$site/spools" 2> /dev/null || true
    spool=$site/spools/$RANDOM$RANDOM
    mkdir -p "$spool"/{router,transport,queue,postman}
    awk -v directory="$spool/router" -v count="$1" 'BEGIN {
        for (i = 0; i < 31; i++) body = body "A line of the message: sixty-four octets, not counting its end.\n"
        for (i = 0; i < count; i++) {
            file = directory "/message-" i
            printf "from <sender@remote.example>\nto <user%d@wild.example>\nenv-end\n", i > file
            printf "From: sender@remote.example\nTo: user%d@wild.example\nSubject: %d\n", i, i > file
            printf "Message-Id: <%d@remote.example>\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n\n%s", i, body > file
            close(file)
        }
    }'
    sync -f "$spool"
}

# compile_maps: the sample site with compiled and live maps.
compile_maps() {
    local map
    "$program" newdb --config "$site/zmailer.conf" > /dev/null
    for map in aliases fqdnaliases fqdnroutes; do
        "$program" db load --config "$site/zmailer.conf" "$map" "$site/db/$map" > /dev/null
    done
}

# rate COUNT COMMAND...: how many a second, of as many as the command does.
rate() {
    local count=$1 began
    shift
    began=$(date +%s%N)
    "$@" > "$site/output" 2>&1 || { cat "$site/output" >&2; return 1; }
    echo $((count * 1000000000 / ($(date +%s%N) - began)))
}

# best NUMBER...: the largest.
best() { printf '%s\n' "$@" | sort -n | tail -1; }

# judge WHAT FIGURE REFERENCE-NAME REFERENCE LIMIT: is the figure at least so many times the reference?
judge() {
    local verdict
    verdict=$(awk "BEGIN { print ($2 >= $4 * $5) ? \"pass\" : \"FAIL\" }")
    [[ $verdict = pass ]] || failed=1
    printf '%-44s %8s | %-38s %8s | ratio %5.2f, at least %s: %s\n' "$1" "$2" "$3" "$4" \
        "$(awk "BEGIN { print $2 / $4 }")" "$5" "$verdict"
}

# judge_most WHAT FIGURE LIMIT: is the figure at most the limit?
judge_most() {
    local verdict
    verdict=$(awk "BEGIN { print ($2 <= $3) ? \"pass\" : \"FAIL\" }")
    [[ $verdict = pass ]] || failed=1
    printf '%-44s %8s | %-38s %8s | ratio %5.2f, at most 1: %s\n' "$1" "$2" limit "$3" \
        "$(awk "BEGIN { print $2 / $3 }")" "$verdict"
}
