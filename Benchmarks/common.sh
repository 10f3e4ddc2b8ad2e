# Shared by the benchmarks: the release program and the sample site, set up once in .build/bench.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$PWD/.build/release/zroute
site=$PWD/.build/bench
mkdir -p "$site/env"
cp -R Fixtures/site/. "$site"
sed -i "s#@SITE@#$site#g" "$site/zmailer.conf" "$site/db/sleepyenv.conf"
text=(--config "$site/zmailer.conf" --set DBTYPE=text)

# median NUMBER...: the one in the middle.
median() { printf '%s\n' "$@" | sort -n | awk '{ number[NR] = $1 } END { print number[int((NR + 1) / 2)] }'; }

# instructions COMMAND...: the instructions that a command takes in user space.
instructions() {
    local out count
    out=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null) || true
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<< "$out")
    # Without a number nothing was measured, and nothing may be said of it.
    [[ $count ]] || { printf 'callgrind counted nothing:\n%s\n' "$out" >&2 && return 1; }
    echo "$count"
}
