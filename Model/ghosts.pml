// What the properties are told by: how often somebody was served, whether that may have been forgotten, and who was told.
// No journey looks at these.

// How often a recipient has the message, and how often a failure has excused one more: the window of LMTP.
byte served[2];
byte excused[2];
// Who has read the final reply for a recipient and not written it down (process + 1); in which control file it was written down
// and not made durable (file + 1).
byte unwritten[2];
byte undurable[2];
// How often the sender was told that a recipient failed.
byte reported[2];
// Whether somebody has asked to discard the message.
bit discarded;

inline servedNow(r) {
    served[r]++;
    assert(served[r] <= 1 + excused[r]);
    unwritten[r] = p + 1
}

inline writtenNow(f, r) {
    if
    :: unwritten[r] == p + 1 -> unwritten[r] = 0; undurable[r] = f + 1
    :: else
    fi
}

// From here on what was answered must not be forgotten, whatever happens: the journeys say so where they promise it.
inline promised(f) {
    if
    :: undurable[0] == f + 1 -> undurable[0] = 0
    :: else
    fi;
    if
    :: undurable[1] == f + 1 -> undurable[1] = 0
    :: else
    fi
}

inline excuseUnwritten(r, process) {
    if
    :: unwritten[r] == process + 1 -> unwritten[r] = 0; excused[r]++
    :: else
    fi
}

inline excuseUndurable(r) {
    if
    :: undurable[r] -> undurable[r] = 0; excused[r]++
    :: else
    fi
}

inline excuseUnnamed(f) {
    if
    :: HAS(T_CONTROL + f) && !IS_DURABLE(T_CONTROL + f) ->
        excused[0] = excused[0] + (served[0] > 0);
        excused[1] = excused[1] + (served[1] > 0)
    :: else
    fi
}
