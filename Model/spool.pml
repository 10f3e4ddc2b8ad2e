// The spool of zroute and ZMailer: one message N with two recipients, the message H that some of them are given over to, two
// processes side by side, and failures at any step; at last one run after another by itself, which has to complete all.
//
// Scripts/model gives the configurations: what each process does (FIRST, SECOND), how the message lies there at the beginning,
// how many failures there are (FAILURES) and whether the power may fail (POWER). docs/reliability.md says what is covered.

#define FREE 0

// What a process does, in this order.
#define COMPLETE 1
#define ROUTE 2
#define RETRY 4
#define DELIVER 8
#define RECOVER 16
#define HOLD 32
#define RELEASE 64
#define DISCARD 128
#define BOUNCE 256
#define REROUTE 512
#define HOLD_SPLIT 1024
#define ALL (COMPLETE + ROUTE + RETRY + DELIVER + RECOVER)

#ifndef FIRST
#define FIRST ALL
#endif
#ifndef SECOND
#define SECOND 0
#endif
#ifndef FAILURES
#define FAILURES 1
#endif
#ifndef POWER
#define POWER true
#endif
// Which recipients are on channel hold, and which `queue reroute` takes (bits).
#ifndef HELD
#define HELD 0
#endif
#ifndef REROUTED
#define REROUTED 0
#endif
// Whether a server may refuse a recipient for good.
#ifndef CAN_FAIL
#define CAN_FAIL false
#endif
// Whether routing gives what it has put in place to delivery, open and locked.
#ifndef HANDS_OVER
#define HANDS_OVER false
#endif
#define NOTHING 7
// The last control file that there can be.
#if HELD || REROUTED
#define LAST H
#else
#define LAST N
#endif

// Which processes are dead (bits), how many have come to their end, how many failures there were.
byte dead;
byte ended;
byte failures;
bit agentLives;
// Whether the last runs have begun, and whether they are at their end.
bit last;
bit over;
// Locks: of the submission, which is the body's, and of the control files; the process + 1.
byte lockS;
byte lock[2];

// The rows of the tables of states hold for a journey that nobody else interferes with.
#ifdef ALONE
#define row(state) assert(failures > 0 || (state))
#else
#define row(state) skip
#endif

#define is_x(there) (there)
#define is_none(there) (!(there))
#define is_plus(there) (there)
#define is_whole(file) (file && file##_whole)
#define is_partial(file) (file && !file##_whole)
#define is_pending(who) (!(who))
#define is_done(who) (who)
#define is_x_all_done(there) ((there) && FINISHED(N))
#define router_S HAS(R_S)
#define router_dot_staged_N HAS(R_STAGED)
#define router_REPORT HAS(R_REPORT)
#define queue_N HAS(Q_BODY)
#define queue_dot_finished_N HAS(Q_FINISHED)
#define queue_N_hK HAS(Q_BODY + H)
#define transport_N HAS(T_CONTROL)
#define transport_dot_N_new HAS(T_NEW)
#define transport_dot_N_new_whole (whole[N] && wholeThere[N])
#define transport_dot_hold_N HAS(T_HOLD)
#define _N_hK_new HAS(T_NEW + H)
#define _N_hK_new_whole (whole[H] && wholeThere[H])
#define transport_N_hK HAS(T_CONTROL + H)
#define recipients_in_N (!(pendingIn(N) & TAKEN) && !(lockedIn(N) & TAKEN))

#include "states.pml"
#include "disk.pml"
#include "ghosts.pml"
#include "routing.pml"
#include "delivery.pml"
#include "commands.pml"
#include "zmailer.pml"

// A run of zroute, as process `p`; the last run is alone, and its servers and maps answer.
proctype Zroute(byte p; short job; bit isLast) {
    byte f, r, at;
    bit got, ok, seen, handed;
    byte reply[2];
    reply[0] = NOTHING;
    reply[1] = NOTHING;
    {
        do
        :: (job & COMPLETE) && f <= LAST -> completeRemoval(f); f++
        :: else -> break
        od;
        f = N;
        if
        :: (job & RECOVER) && (HELD || REROUTED) -> recoverLink()
        :: else
        fi;
        if
        :: job & ROUTE ->
            routeSubmission();
            atomic { takeReport() }
        :: else
        fi;
        f = N;
        do
        :: (isLast || (job & RELEASE)) && f <= LAST -> release(f); f++
        :: else -> break
        od;
        f = N;
        if
        :: job & DISCARD ->
            at = (HAS(T_CONTROL) -> T_CONTROL : T_HOLD);
            discard(N, at)
        :: else
        fi;
        if
        :: (job & (RETRY | REROUTE)) && (HELD || REROUTED) -> retryHeld()
        :: else
        fi;
        if
        :: job & (HOLD | HOLD_SPLIT) ->
            f = (job & HOLD_SPLIT -> H : N);
            hold(f)
        :: else
        fi;
        f = N;
        do
        :: (job & (DELIVER | BOUNCE)) && f <= LAST ->
            if
            :: handed && f == N -> got = true; handed = false
            :: else -> open(f, T_CONTROL)
            fi;
            if
            :: got -> deliverOpen(f)
            :: else
            fi;
            f++
        :: else -> break
        od;
        f = N;
        // What is old enough by then.
        if
        :: isLast -> removeUnfinished()
        :: else
        fi
    } unless { dead & BIT(p) };
    atomic { ended++; f = 0; r = 0; at = 0; got = 0; ok = 0; seen = 0; handed = 0; reply[0] = 0; reply[1] = 0 }
}

inline kill(process) {
    dead = dead | BIT(process);
    if
    :: lockS == process + 1 -> lockS = FREE
    :: else
    fi;
    if
    :: lock[N] == process + 1 -> lock[N] = FREE
    :: else
    fi;
    if
    :: lock[H] == process + 1 -> lock[H] = FREE
    :: else
    fi;
    excuseUnwritten(0, process);
    excuseUnwritten(1, process)
}

// At any step: a process is killed, or the power fails and takes all of them along.
proctype Failure() {
    byte k;
#ifndef JOURNAL
    int left;
#endif
    do
    :: failures < FAILURES && !over ->
        atomic {
            if
            :: failures < FAILURES && !over ->
                failures++;
                if
                :: kill(0)
                :: kill(1)
                :: last -> kill(2)
                :: POWER ->
                    kill(0);
                    kill(1);
                    kill(2);
                    excuseUndurable(0);
                    excuseUndurable(1);
                    // A message can be delivered before its name is durable: some milliseconds, too.
                    excuseUnnamed(N);
                    excuseUnnamed(H);
                    losePower();
                    k = 0
                fi
            :: else
            fi
        }
    :: over || failures == FAILURES -> break
    od
}

// MARK: Properties

// What must hold when a run that nothing disturbed has come to its end.
inline everythingIsComplete() {
    assert(!HAS(R_S) && !HAS(R_STAGED));
#ifdef ZMAILER
    // A body that ZMailer's scheduler left when it died is not ours to remove: recovery tells of it.
    assert((names & (TRANSPORT | QUEUE) & ~BIT(Q_BODY)) == 0);
#else
    assert((names & (TRANSPORT | QUEUE)) == 0);
#endif
    assert(!lockS && !lock[N] && !lock[H]);
    isComplete(0);
    isComplete(1)
}

// Somebody has it, or the sender was told, or it was to be discarded.
inline isComplete(r) {
    assert(served[r] || reported[r] || discarded)
}

#define pass(f, r, t) tag[AT(f, r)] = t; mayTag[AT(f, r)] = BIT(t)

init {
    byte tries;
    atomic {
        pass(N, 0, PENDING);
        pass(N, 1, PENDING);
        pass(H, 0, ABSENT);
        pass(H, 1, ABSENT);
#ifdef ROUTED
        names = BIT(Q_BODY) | BIT(T_CONTROL);
        whole[N] = true;
        wholeThere[N] = true;
#else
        names = BIT(R_S);
#endif
#ifdef JOURNAL
        journal = names;
#endif
#ifdef ZMAILER
        agentLives = true;
        run ZMailerScheduler(1);
#endif
#ifdef ZMAILER_ROUTER
        run ZMailerRouter();
#else
        run Zroute(0, FIRST, false);
#endif
#ifndef ZMAILER
        run Zroute(1, SECOND, false);
#endif
        run Failure()
    };
    ended == 2;
    // The next run; where it dies itself, the one after it. A report that it has submitted is for yet another.
    do
    :: !over ->
        atomic { ended = 0; last = true; dead = 0; tries = failures; run Zroute(2, ALL, true) };
        atomic { ended == 1; over = tries == failures && !HAS(R_REPORT) }
    :: over -> break
    od;
    everythingIsComplete()
}
