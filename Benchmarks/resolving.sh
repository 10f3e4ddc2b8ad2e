# Shared by the benchmarks of resolving: the site `large` (54,000 addresses in 400 domains, in local and live maps), once
# as text, once compiled, once live; a million distinct addresses; and the comparison of a figure with its reference.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
work=$PWD/.build/bench/resolving
mkdir -p "$work"

# large NAME DBTYPE: a copy of the site with maps of a type, without environment; only `live` has one.
large() {
    local name=$1 dbtype=$2 site=$work/$1
    [[ ! -e $site/ready ]] || return 0
    rm -rf "$site"
    mkdir -p "$site/env"
    cp -R Fixtures/conformance/routes/30-large/. "$site"
    sed -i "s#@CASE@#$site#g; s#^DBTYPE=.*#DBTYPE=$dbtype#" "$site/zmailer.conf" "$site/db/sleepyenv.conf"
    if [[ $name != live ]]; then
        # All maps compiled or read as text, none of them inside the environment.
        sed -i 's/ -C [^ ]*//; s/-r \$/-l $/' "$site/dbases.conf"
    fi
    if [[ $dbtype != text ]]; then "$program" newdb $(options "$name") > /dev/null; fi
    if [[ $name == live ]]; then
        local map
        for map in aliases fqdnaliases fqdnroutes; do
            "$program" db load $(options "$name") "$map" "$site/db/$map" > /dev/null
        done
    fi
    touch "$site/ready"
}

# options NAME: the options that name a site's files.
options() { echo "--config $work/$1/zmailer.conf --dbases $work/$1/dbases.conf"; }

# addresses N: N distinct addresses made from the site's keys: known ones, with tails, unknown users, unknown domains.
addresses() {
    awk -v n="$1" '
        function random(limit) { seed = (seed * 16807) % 2147483647; return seed % limit }
        /^[^#@ \t][^ \t]*@/ { key = $1; sub(/:$/, "", key); if (!(key in known)) { known[key]; keys[count++] = key } }
        END {
            seed = 42
            while (made < n) {
                key = keys[random(count)]
                at = index(key, "@")
                user = substr(key, 1, at - 1)
                domain = substr(key, at)
                kind = random(4)
                if (kind == 0) address = key
                if (kind == 1) address = user "+folder" random(90000) domain
                if (kind == 2) address = "unknown" made domain
                if (kind == 3) address = "user" random(5000) "@host" random(1000) ".elsewhere" random(5000) ".example"
                # A key that was asked for already, in another spelling.
                if (address in asked) address = user "+again" made domain
                asked[address]
                print address
                made++
            }
        }' Fixtures/conformance/routes/30-large/db/{fqdnroutes,fqdnroutes-local,fqdnaliases,fqdnaliases-local}
}

# million: the file of a million addresses, made once.
million() {
    [[ -e $work/million ]] || { addresses 1000000 > "$work/million.new" && mv "$work/million.new" "$work/million"; }
    echo "$work/million"
}

# route NAME ARGUMENT...: route-test of a site's addresses; that some of them are unknown is no failure.
route() {
    local name=$1 status=0
    shift
    "$program" route-test $(options "$name") --format tsv "$@" - || status=$?
    [[ $status -eq 0 || $status -eq 67 ]]
}

# seconds COMMAND...: the shortest of five runs, in seconds.
seconds() {
    local run
    for run in 1 2 3 4 5; do
        local start end
        start=$(date +%s.%N)
        "$@"
        end=$(date +%s.%N)
        awk "BEGIN { print $end - $start }"
    done | sort -n | head -1
}

# judge NAME FIGURE OPERATOR REFERENCE UNIT: prints figure, reference, ratio and verdict; the last fails the script.
failed=0
judge() {
    awk -v name="$1" -v figure="$2" -v operator="$3" -v reference="$4" -v unit="$5" 'BEGIN {
        pass = operator == ">=" ? figure >= reference : figure <= reference
        printf "%-46s %12.2f %s %s %12.2f  ratio %6.3f  %s\n", name, figure, unit, operator, reference,
            figure / reference, pass ? "pass" : "FAIL"
        exit !pass
    }' || failed=1
}
