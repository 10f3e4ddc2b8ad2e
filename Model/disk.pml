// The disk of the model: names in directories, contents of files, what a sync makes durable, and what is left after a process
// was killed, or the power failed.
//
// A file is the name that leads to it: the body is one file with several names, a control file has one name at a time. Two
// disks are modelled. The loose one, which is the default, keeps of the changes of names that no sync has made durable
// whichever it likes; only a rename is one change, as POSIX wants it of every file system, unless TORN is defined: then a rename
// in queue/ may leave both names. With JOURNAL, the changes of all directories become durable in their order, as ext4 and XFS have
// it, and any sync of a directory takes all before it along. Of contents both keep whatever they like.

// Names, by directory. Those of N and of the message that was split off it stand side by side: NAME + file.
#define R_S 0
#define R_STAGED 1
#define R_REPORT 2
#define Q_BODY 3
#define Q_FINISHED 5
#define T_NEW 7
#define T_CONTROL 9
#define T_HOLD 11

#define BIT(n) (1 << (n))
#define HAS(n) ((names & BIT(n)) != 0)

#define ROUTER 7
#define QUEUE (15 << Q_BODY)
#define TRANSPORT (63 << T_NEW)

// Files with a content: the control files of N and of the message split off it.
#define N 0
#define H 1

// Tags of recipients. A control file that does not name a recipient has it ABSENT. AGENT is the `~` of an agent of ZMailer's.
#define PENDING 0
#define LOCKED 1
#define DONE 2
#define FAILED 3
#define AGENT 4
#define ABSENT 5

#define AT(f, r) (2 * (f) + (r))
#define IS_OPEN(t) ((t) != DONE && (t) != FAILED && (t) != ABSENT)
#define FINISHED(f) (!IS_OPEN(tag[AT(f, 0)]) && !IS_OPEN(tag[AT(f, 1)]))

int names;
#ifdef JOURNAL
int journal;
#define IS_DURABLE(n) ((journal & BIT(n)) != 0)
#else
int unsynced;
#define IS_DURABLE(n) ((unsynced & BIT(n)) == 0)
// Renames that no sync has settled, by the number of their pair of names.
short renamed;
#endif

// For each control file and recipient: the tag, those that the disk may have in its place, whether there is a diagnostic,
// and whether it is marked as reported, each with what the disk may have.
byte tag[4];
byte mayTag[4];
bit said[4];
bit saidThere[4];
bit told[4];
bit toldThere[4];
// Whether the content of a control file is whole, and whether it is so on the disk.
bit whole[2];
bit wholeThere[2];
// The report that is staged, or submitted: whether it is whole, and about whom it is.
bit reportWhole;
bit reportThere;
byte reportAbout;
// Whether the `g` line stands in N's control file.
bit given;
bit givenThere;

inline changed(mask) {
#ifdef JOURNAL
    // The journal may be written at any time.
    if
    :: true
    :: journal = names
    fi
#else
    unsynced = unsynced | (mask)
#endif
}

inline add(n) {
    names = names | BIT(n);
    changed(BIT(n))
}

inline drop(n) {
    if
    :: HAS(n) ->
        names = names & ~BIT(n);
        changed(BIT(n))
    :: else
    fi
}

// `pair` is the number by which `renamed` knows the two names.
inline move(a, b, pair) {
    names = (names & ~BIT(a)) | BIT(b);
#ifndef JOURNAL
    renamed = renamed | BIT(pair);
#endif
    changed(BIT(a) | BIT(b))
}

inline syncDirectory(directory, settled) {
#ifdef JOURNAL
    journal = names
#else
    unsynced = unsynced & ~(directory);
    renamed = renamed & ~(settled)
#endif
}

// Pairs of names: from a temporary name, to and from hold, the end of a body.
#define PAIR_NEW 0
#define PAIR_HOLD 2
#define PAIR_FINISHED 4
#define PAIR_REPORT 6

#define syncRouter() syncDirectory(ROUTER, BIT(PAIR_REPORT))
#define syncQueue() syncDirectory(QUEUE, 3 << PAIR_FINISHED)
#define syncTransport() syncDirectory(TRANSPORT, 15)

inline setTag(f, r, t) {
    tag[AT(f, r)] = t;
    mayTag[AT(f, r)] = mayTag[AT(f, r)] | BIT(t)
}

inline durableRecipient(i) {
    mayTag[i] = BIT(tag[i]);
    saidThere[i] = said[i];
    toldThere[i] = told[i]
}

inline syncContent(f) {
    durableRecipient(AT(f, 0));
    durableRecipient(AT(f, 1));
    wholeThere[f] = whole[f];
    if
    :: f == N -> givenThere = given
    :: else
    fi
}

// MARK: What is left when the power fails

inline keptOrNot(value, there) {
    if
    :: value != there ->
        if
        :: value = there
        :: true
        fi
    :: else
    fi;
    there = value
}

inline keepTag(i) {
    if
    :: (mayTag[i] & BIT(PENDING)) -> tag[i] = PENDING
    :: (mayTag[i] & BIT(LOCKED)) -> tag[i] = LOCKED
    :: (mayTag[i] & BIT(DONE)) -> tag[i] = DONE
    :: (mayTag[i] & BIT(FAILED)) -> tag[i] = FAILED
    :: (mayTag[i] & BIT(AGENT)) -> tag[i] = AGENT
    :: (mayTag[i] & BIT(ABSENT)) -> tag[i] = ABSENT
    fi;
    mayTag[i] = BIT(tag[i]);
    keptOrNot(said[i], saidThere[i]);
    keptOrNot(told[i], toldThere[i]);
    // The mark is a byte of the diagnostic's line.
    told[i] = told[i] && said[i];
    toldThere[i] = told[i]
}

#ifndef JOURNAL
inline keepName(n) {
    if
    :: (unsynced & BIT(n)) ->
        if
        :: left = left | BIT(n)
        :: left = left & ~BIT(n)
        fi
    :: else
    fi
}

// A rename has happened or not: not neither, and both names only where `mayTear`.
inline keepRename(a, b, pair, mayTear) {
    if
    :: (renamed & BIT(pair)) && !(left & (BIT(a) | BIT(b))) && (names & (BIT(a) | BIT(b))) ->
        if
        :: left = left | BIT(a)
        :: left = left | (names & (BIT(a) | BIT(b)))
        fi
    :: (renamed & BIT(pair)) && !(mayTear) && (left & BIT(a)) && (left & BIT(b)) ->
        if
        :: left = left & ~BIT(a)
        :: left = left & ~BIT(b)
        fi
    :: else
    fi
}

#ifdef TORN
#define MAY_TEAR true
#else
#define MAY_TEAR false
#endif
#endif

inline losePower() {
#ifdef JOURNAL
    names = journal;
#else
    left = names;
    k = 0;
    do
    :: k < T_HOLD + 2 -> keepName(k); k++
    :: else -> break
    od;
    keepRename(T_NEW, T_CONTROL, PAIR_NEW, false);
    keepRename(T_NEW + H, T_CONTROL + H, PAIR_NEW + H, false);
    keepRename(T_CONTROL, T_HOLD, PAIR_HOLD, false);
    keepRename(T_CONTROL + H, T_HOLD + H, PAIR_HOLD + H, false);
    keepRename(Q_BODY, Q_FINISHED, PAIR_FINISHED, MAY_TEAR);
    keepRename(Q_BODY + H, Q_FINISHED + H, PAIR_FINISHED + H, MAY_TEAR);
    keepRename(R_STAGED, R_REPORT, PAIR_REPORT, false);
    names = left;
    left = 0;
    unsynced = 0;
    renamed = 0;
#endif
    k = 0;
    do
    :: k < 4 -> keepTag(k); k++
    :: else -> break
    od;
    k = 0;
    keptOrNot(whole[N], wholeThere[N]);
    keptOrNot(whole[H], wholeThere[H]);
    keptOrNot(reportWhole, reportThere);
    keptOrNot(given, givenThere)
}
