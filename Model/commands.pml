// What an administrator does with a queue (PostOffice+Hold, PostOffice+Remove), and what recovery clears away
// (PostOffice+Recover). `queue reroute` is takeOver, and `queue bounce` a delivery that asks nobody.

inline hold(f) {
    open(f, T_CONTROL);
    if
    :: got && tag[AT(f, 0)] != AGENT && tag[AT(f, 1)] != AGENT ->
#ifdef FAULT_HELD_UNSETTLED
        ok = true;
#else
        settleAll(f);
#endif
        if
        :: ok && HAS(Q_BODY + f) ->
            atomic {
                syncContent(f);
                promised(f);
                if
                :: f == N -> row(HOLD_1)
                :: else
                fi
            };
            atomic {
                if
                :: HAS(T_CONTROL + f) && !HAS(T_HOLD + f) ->
                    move(T_CONTROL + f, T_HOLD + f, PAIR_HOLD + f);
                    if
                    :: f == N -> row(HOLD_2)
                    :: else
                    fi
                :: else
                fi
            };
            atomic {
                syncTransport();
                if
                :: f == N -> row(HOLD_3)
                :: else
                fi
            }
        :: else
        fi
    :: else
    fi;
    close(f)
}

inline release(f) {
    open(f, T_HOLD);
    if
    :: got ->
        atomic {
            if
            :: !HAS(T_CONTROL + f) -> move(T_HOLD + f, T_CONTROL + f, PAIR_HOLD + f)
            :: else
            fi
        };
        atomic { syncTransport() }
    :: else
    fi;
    close(f)
}

inline discard(f, name) {
    open(f, name);
    if
    :: got -> atomic { discarded = true }; remove(f, name)
    :: else
    fi;
    close(f)
}

// Looks for the body of a message that was never split off: everything is listed first.
inline recoverLink() {
    atomic { seen = !HAS(T_CONTROL + H) && !HAS(T_HOLD + H) };
    atomic { seen = seen && HAS(Q_BODY + H) };
    if
    :: seen ->
        open(N, T_CONTROL);
        if
        :: got || !HAS(T_CONTROL) ->
            atomic { seen = !HAS(T_CONTROL + H) };
#ifndef FAULT_LINK_OF_HELD
            // It may have been held, or released, between two looks.
            if
            :: seen -> atomic { seen = !HAS(T_HOLD + H) }
            :: else
            fi;
            if
            :: seen -> atomic { seen = !HAS(T_CONTROL + H) }
            :: else
            fi;
#endif
            if
            :: seen -> atomic { drop(Q_BODY + H) }
            :: else
            fi
        :: else
        fi;
        close(N)
    :: else
    fi
}

// Temporary files that nobody writes to any more; only where nobody else is alive.
inline removeUnfinished() {
    atomic { drop(T_NEW) };
    atomic { drop(T_NEW + H) };
    atomic {
        if
        :: !HAS(T_CONTROL) && !HAS(T_HOLD) -> drop(R_STAGED)
        :: else
        fi
    }
}
