// ZMailer's programs, which know no lock and only do what they do: the router, the scheduler and one agent. What they sync
// is not our promise: with them, processes are killed, and the power stays.
//
// An agent looks at a tag and sets it in one step here. Between the two there are some instructions, in which ours and
// ZMailer's agent, or two of ZMailer's own, can take the same recipient: no program on our side can close that gap.

// The router: the body first, then the control file, then the submission goes.
proctype ZMailerRouter() {
    atomic { assert(HAS(R_S)); add(Q_BODY) };
    atomic {
        whole[N] = true;
        wholeThere[N] = true;
        add(T_CONTROL)
    };
    atomic { drop(R_S); ended++ }
}

inline zmailerServes(r) {
    atomic {
        took = HAS(T_CONTROL) && tag[AT(N, r)] == PENDING && !((HELD >> (r)) & 1);
        if
        :: took -> setTag(N, r, AGENT)
        :: else
        fi
    };
    if
    :: took ->
        atomic {
            if
            :: servedNow(r)
            :: skip
            fi
        };
        atomic {
            if
            :: unwritten[r] == p + 1 -> setTag(N, r, DONE); unwritten[r] = 0
            :: else -> setTag(N, r, PENDING)
            fi
        }
    :: else
    fi
}

// The agent, and the scheduler that removes a message of which every recipient is done.
proctype ZMailerScheduler(byte p) {
    bit took;
    {
        zmailerServes(0);
        zmailerServes(1);
        if
        :: HAS(T_CONTROL) && FINISHED(N) && lock[N] == FREE ->
            atomic { drop(T_CONTROL) };
            atomic { drop(Q_BODY) }
        :: else
        fi
    } unless { dead & BIT(p) };
    atomic { agentLives = false; ended++ }
}
