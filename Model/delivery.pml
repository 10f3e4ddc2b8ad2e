// Work on an open control file: what a run that died had begun is completed, recipients are served, reports submitted, and
// what is done is removed (MessageWorker, OpenControlFile+Report, PostOffice+Remove).

#define HOLDS(f) (lock[f] == p + 1)

#ifdef FAULT_NO_LOCK
#define CAN_LOCK(f) true
#else
#define CAN_LOCK(f) (lock[f] == FREE)
#endif

// Opens a control file by one of its names, and completes what runs that died had begun with it.
inline open(f, name) {
    atomic {
        got = HAS((name) + f) && CAN_LOCK(f);
        if
        :: got ->
            lock[f] = p + 1;
            // No name that others look for ever leads to half a file.
            assert(whole[f])
        :: else
        fi
    };
    if
    :: got -> complete(f)
    :: else
    fi
}

inline close(f) {
    atomic {
        if
        :: HOLDS(f) -> lock[f] = FREE
        :: else
        fi;
        got = false
    }
}

inline releaseDead(f, r) {
    if
    :: tag[AT(f, r)] == LOCKED || (tag[AT(f, r)] == AGENT && !agentLives) -> setTag(f, r, PENDING)
    :: else
    fi
}

// A recipient that failed is one whose failure is written down.
inline reviveUnexplained(f, r) {
    if
    :: tag[AT(f, r)] == FAILED && !said[AT(f, r)] -> setTag(f, r, PENDING)
    :: else
    fi
}

inline complete(f) {
    atomic { releaseDead(f, 0); releaseDead(f, 1) };
#ifndef FAULT_UNEXPLAINED_FAILURE
    atomic { reviveUnexplained(f, 0); reviveUnexplained(f, 1) };
#endif
    if
    :: f == N -> markTakenOver(); completeReport()
    :: else
    fi
}

// MARK: Reports

#define toTell(f) ((tag[AT(f, 0)] == FAILED && said[AT(f, 0)] && !told[AT(f, 0)]) | \
    ((tag[AT(f, 1)] == FAILED && said[AT(f, 1)] && !told[AT(f, 1)]) << 1))
#define LOWEST(about) ((about) & 1 -> 0 : 1)
#define first_d_line (told[LOWEST(reportAbout)])
#define others (told[1])
// The tables are of a report about several recipients.
#define reportRow(state) row(reportAbout != 3 || (state))

inline completeReport() {
    if
    :: (said[0] || said[1]) && HAS(R_STAGED) ->
        if
        :: reportWhole && told[LOWEST(reportAbout)] -> finishReport()
        :: else -> atomic { drop(R_STAGED) }
        fi
    :: else
    fi
}

inline submitReport() {
    if
    :: toTell(N) ->
        atomic { drop(R_STAGED); takeReport(); add(R_STAGED); reportWhole = false; reportThere = false };
        atomic { reportAbout = toTell(N); reportWhole = true };
#ifndef FAULT_REPORT_NOT_SYNCED
        atomic { reportThere = true };
#endif
        atomic { syncRouter(); reportRow(REPORT_1) };
#ifdef FAULT_REPORTED_BEFORE_MARK
        atomic { move(R_STAGED, R_REPORT, PAIR_REPORT) };
        atomic { syncRouter() };
#endif
        atomic { told[LOWEST(reportAbout)] = true };
#ifndef FAULT_MARK_NOT_SYNCED
        atomic { syncContent(N); reportRow(REPORT_2) };
#endif
        finishReport()
    :: else
    fi
}

inline finishReport() {
    atomic {
        if
        :: reportAbout == 3 -> told[1] = true
        :: else
        fi
    };
#ifndef FAULT_MARK_NOT_SYNCED
    atomic { syncContent(N); reportRow(REPORT_3) };
#endif
    atomic {
        if
        :: HAS(R_STAGED) -> move(R_STAGED, R_REPORT, PAIR_REPORT)
        :: else
        fi
    };
    atomic { syncRouter(); reportRow(REPORT_4) }
}

// A report is routed and delivered as any submission is; here that is one step.
inline takeReport() {
    if
    :: HAS(R_REPORT) ->
        assert(reportWhole);
        reported[0] = reported[0] + (reportAbout & 1);
        reported[1] = reported[1] + (reportAbout >> 1);
        // Nobody is told twice.
        assert(reported[0] <= 1 && reported[1] <= 1);
        drop(R_REPORT);
        syncRouter()
    :: else
    fi
}

// MARK: Delivery

#define isToServe(f, r) (tag[AT(f, r)] == PENDING && !(f == N && ((HELD >> (r)) & 1)))

inline lockRecipient(f, r) {
    if
    :: isToServe(f, r) -> setTag(f, r, LOCKED)
    :: else -> reply[r] = NOTHING
    fi
}

// Sends one transaction for all recipients, and reads the final replies one by one.
inline readReply(f, r) {
    atomic {
        if
        :: tag[AT(f, r)] != LOCKED || reply[r] == NOTHING -> skip
        :: else ->
            if
            :: !(job & BOUNCE) -> reply[r] = DONE; servedNow(r)
            :: CAN_FAIL || (job & BOUNCE) -> reply[r] = FAILED
            :: !isLast && !(job & BOUNCE) -> reply[r] = PENDING
            fi
        fi
    }
}

// One write for each tag, and one for the diagnostics: first who is done, last who has failed.
inline writeReply(f, r, wanted) {
    atomic {
        if
        :: reply[r] == wanted && wanted == DONE -> setTag(f, r, DONE); writtenNow(f, r)
        :: reply[r] == wanted && wanted != DONE -> setTag(f, r, wanted)
        :: else
        fi
    }
}

inline writeDiagnostics(f) {
    atomic {
        said[AT(f, 0)] = said[AT(f, 0)] || reply[0] == FAILED;
        said[AT(f, 1)] = said[AT(f, 1)] || reply[1] == FAILED
    }
}

inline writeReplies(f) {
    writeReply(f, 0, DONE);
    writeReply(f, 1, DONE);
    if
    :: reply[0] == FAILED || reply[1] == FAILED -> writeDiagnostics(f)
    :: else
    fi;
    writeReply(f, 0, PENDING);
    writeReply(f, 1, PENDING);
    writeReply(f, 0, FAILED);
    writeReply(f, 1, FAILED);
    atomic { reply[0] = NOTHING; reply[1] = NOTHING }
}

// Delivers a message that is open already, and closes it.
inline deliverOpen(f) {
    if
    :: isToServe(f, 0) || isToServe(f, 1) ->
        atomic {
            ok = HAS(Q_BODY + f);
            // No message without its body; one that is being discarded has it by its other name.
            assert(ok || HAS(Q_FINISHED + f))
        };
        if
        :: ok ->
            atomic { reply[0] = PENDING; reply[1] = PENDING; lockRecipient(f, 0); lockRecipient(f, 1) };
            readReply(f, 0);
            readReply(f, 1);
            writeReplies(f)
        :: else
        fi
    :: else
    fi;
#ifndef FAULT_OUTCOME_NOT_SYNCED
    if
    :: !FINISHED(f) -> atomic { syncContent(f) }
    :: else
    fi;
#endif
    atomic {
        if
        :: !FINISHED(f) -> promised(f)
        :: else
        fi
    };
    if
    :: f == N -> submitReport()
    :: else
    fi;
    if
    :: FINISHED(f) -> remove(f, T_CONTROL)
    :: else
    fi;
    close(f)
}

// MARK: Removal

// Makes sure that N has the recipients marked done that H has taken over; `ok` where it has.
inline settle() {
    if
    :: !HAS(T_CONTROL) -> ok = true
    :: HAS(T_CONTROL) && !(pendingIn(N) & TAKEN) && !(lockedIn(N) & TAKEN) ->
        ok = true;
#ifndef FAULT_SETTLED_NOT_SYNCED
        atomic { syncContent(N) };
#endif
    :: else ->
        atomic {
            ok = lock[N] == FREE && HAS(T_CONTROL);
            if
            :: ok -> lock[N] = p + 1
            :: else
            fi
        };
        if
        :: ok ->
            atomic { releaseDead(N, 0); releaseDead(N, 1) };
            atomic { syncTransport() };
            markTaken();
            atomic { syncContent(N) };
            close(N)
        :: else
        fi
    fi
}

// Takes step 1 of a removal, and the first of a message put on hold: `ok` unless the origin is being worked on.
inline settleAll(f) {
    ok = true;
#ifndef FAULT_NOT_SETTLED
    if
    :: f == H -> settle()
    :: else
    fi;
#endif
    if
    :: !ok -> atomic { syncContent(f); promised(f) }
    :: else ->
        skip;
#ifndef FAULT_SUBMISSION_KEPT
        if
        :: HAS(R_S) ->
            atomic { drop(R_S) };
            atomic { syncRouter() }
        :: else
        fi
#endif
    fi
}

// Removes a message; `name` is its control file's: T_CONTROL or T_HOLD.
inline remove(f, name) {
    settleAll(f);
    if
    :: ok ->
        atomic {
            if
            :: HAS(Q_BODY + f) -> drop(Q_FINISHED + f)
            :: else
            fi;
            if
            :: f == N && name == T_CONTROL && !(job & DISCARD) -> row(REMOVE_1)
            :: else
            fi
        };
#ifdef FAULT_BODY_REMOVED_FIRST
        atomic { drop(Q_BODY + f); promised(f) };
        atomic { syncQueue() };
        atomic { drop((name) + f) };
        atomic { syncTransport() };
#else
        atomic {
            if
            :: HAS(Q_BODY + f) -> move(Q_BODY + f, Q_FINISHED + f, PAIR_FINISHED + f)
            :: else
            fi
        };
#ifndef FAULT_FINISHED_NOT_SYNCED
        atomic { syncQueue() };
#endif
        atomic {
            promised(f);
            if
            :: f == N && name == T_CONTROL && !(job & DISCARD) -> row(REMOVE_2)
            :: else
            fi
        };
        atomic { drop((name) + f) };
#ifndef FAULT_REMOVAL_NOT_SYNCED
        atomic {
            syncTransport();
            if
            :: f == N && name == T_CONTROL && !(job & DISCARD) -> row(REMOVE_3)
            :: else
            fi
        };
#endif
        atomic {
            drop(Q_FINISHED + f);
            if
            :: f == N && name == T_CONTROL && !(job & DISCARD) -> row(REMOVE_4)
            :: else
            fi
        }
#endif
    :: else
    fi
}

// Completes what runs that died, or a power failure, left of removing a message.
inline completeRemoval(f) {
    if
    :: HAS(Q_FINISHED + f) ->
        atomic { seen = lock[f] == FREE };
        at = (HAS(T_CONTROL + f) -> T_CONTROL : T_HOLD);
        if
        :: seen -> open(f, at); completeOpenRemoval(f, at)
        :: else
        fi;
        close(f);
        // Where the control file is gone, or the body has its own name as well, the other name is in nobody's way.
        if
        :: seen && (HAS(Q_BODY + f) || (!HAS(T_CONTROL + f) && !HAS(T_HOLD + f))) ->
            atomic { syncTransport() };
            atomic { drop(Q_FINISHED + f) }
        :: else
        fi
    :: else
    fi
}

inline completeOpenRemoval(f, name) {
    if
    :: got && !HAS(Q_BODY + f) ->
        atomic {
            if
            :: IS_OPEN(tag[AT(f, 0)]) -> setTag(f, 0, DONE)
            :: else
            fi;
            if
            :: IS_OPEN(tag[AT(f, 1)]) -> setTag(f, 1, DONE)
            :: else
            fi
        };
        remove(f, name)
    :: else
    fi
}
