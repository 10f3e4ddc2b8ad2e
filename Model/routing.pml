// From a submission to a control file (PostOffice+Claim, PostOffice+Commit), and from one control file to another
// (PostOffice+TakeOver). Each `atomic` is one system call, or one write: between any two of them a process may be killed,
// the power may fail, and others go on.

// Claims router/S and routes it, or removes its name where that was done.
inline routeSubmission() {
    atomic {
        ok = HAS(R_S) && lockS == FREE;
        if
        :: ok -> lockS = p + 1; row(COMMIT_0)
        :: else
        fi
    };
    if
    :: ok ->
        atomic { seen = HAS(Q_BODY) };
        if
        :: seen -> atomic { seen = HAS(T_CONTROL) }
        :: else
        fi;
        if
        :: seen -> skip
        :: else -> atomic { seen = HAS(Q_BODY) && HAS(T_HOLD) }
        fi;
        if
        :: seen -> finishClaim()
        :: else -> commit()
        fi;
        atomic { lockS = FREE }
    :: else
    fi
}

// The message is in place: what a run that died had left to do.
inline finishClaim() {
#ifndef FAULT_CLAIM_WITHOUT_SYNC
    atomic { syncQueue() };
    atomic { syncTransport() };
#endif
    atomic { drop(R_S) };
    atomic { syncRouter() }
}

inline newControl(f, first, second) {
    whole[f] = false;
    wholeThere[f] = false;
    setTag(f, 0, first);
    setTag(f, 1, second);
    mayTag[AT(f, 0)] = BIT(first);
    mayTag[AT(f, 1)] = BIT(second)
}

inline commit() {
    atomic {
        ok = HAS(R_S);
        if
        :: ok -> newControl(N, PENDING, PENDING); add(T_NEW); row(COMMIT_1)
        :: else
        fi
    };
    if
    :: ok ->
        atomic {
            whole[N] = true;
            if
            :: HANDS_OVER && lock[N] == FREE -> lock[N] = p + 1; handed = true
            :: else
            fi
        };
#ifndef FAULT_CONTENT_NOT_SYNCED
        atomic { syncContent(N); row(COMMIT_2) };
#endif
#ifdef FAULT_RENAMED_BEFORE_LINK
        atomic { move(T_NEW, T_CONTROL, PAIR_NEW) };
        atomic { syncTransport() };
        atomic { add(Q_BODY) };
        atomic { syncQueue() };
#else
        atomic {
            ok = HAS(R_S);
            if
            :: ok -> add(Q_BODY); row(COMMIT_3)
            :: else
            fi
        };
        if
        :: ok ->
#ifndef FAULT_QUEUE_NOT_SYNCED
            atomic { syncQueue(); row(COMMIT_4) };
#endif
            atomic { move(T_NEW, T_CONTROL, PAIR_NEW); row(COMMIT_5) };
#ifndef FAULT_TRANSPORT_NOT_SYNCED
            atomic { syncTransport(); row(COMMIT_6) };
#endif
        :: else -> atomic { drop(T_NEW); if :: handed -> lock[N] = FREE; handed = false :: else fi }
        fi;
#endif
        if
        :: ok ->
            atomic { drop(R_S); row(COMMIT_7) };
            atomic { syncRouter(); row(COMMIT_8) }
        :: else
        fi
    :: else
    fi
}

// Recipients as bits.
#define TAKEN (HELD | REROUTED)
#define pendingIn(f) ((tag[AT(f, 0)] == PENDING) | ((tag[AT(f, 1)] == PENDING) << 1))
#define lockedIn(f) ((tag[AT(f, 0)] == LOCKED) | ((tag[AT(f, 1)] == LOCKED) << 1))
#define isTaken(r) ((TAKEN >> (r)) & 1)

// Marks recipients of N done that another control file has taken over already.
inline markTakenOver() {
    if
    :: ((HELD | (given -> REROUTED : 0)) & pendingIn(N)) && HAS(T_CONTROL + H) ->
        atomic { syncTransport() };
        markTaken();
        atomic { syncContent(N) }
    :: else
    fi
}

inline markTaken() {
    r = 0;
    do
    :: r < 2 ->
        atomic {
            if
            :: isTaken(r) && (tag[AT(N, r)] == PENDING || tag[AT(N, r)] == LOCKED) -> setTag(N, r, DONE)
            :: else
            fi;
            r++
        }
    :: else -> break
    od;
    r = 0
}

// Gives the recipients of TAKEN over to H; N is open, and all of them wait.
inline takeOver() {
#if REROUTED
    atomic {
        setTag(N, 1, LOCKED)
    };
    atomic { given = true };
    atomic { syncContent(N) };
#endif
    atomic { newControl(H, (isTaken(0) -> PENDING : ABSENT), (isTaken(1) -> PENDING : ABSENT)); add(T_NEW + H) };
    atomic { whole[H] = true };
    atomic { syncContent(H); row(TAKEOVER_1) };
#ifdef FAULT_MARKED_BEFORE_RENAME
    markTaken();
    atomic { syncContent(N) };
#endif
    atomic { assert(HAS(Q_BODY)); add(Q_BODY + H) };
    atomic { syncQueue(); row(TAKEOVER_2) };
    atomic { move(T_NEW + H, T_CONTROL + H, PAIR_NEW + H); row(TAKEOVER_3) };
#ifndef FAULT_TAKEN_OVER_NOT_SYNCED
    atomic { syncTransport(); row(TAKEOVER_4) };
#endif
    markTaken();
    atomic { syncContent(N); row(TAKEOVER_5) }
}

// Tries again to route the recipients that are held, or takes routed ones by force (the command `queue reroute`).
inline retryHeld() {
    open(N, T_CONTROL);
    if
    :: got && (pendingIn(N) & TAKEN) == TAKEN && (HELD || (job & REROUTE)) ->
        if
        :: takeOver()
        :: !isLast -> skip
        fi
    :: else
    fi;
    close(N)
}
