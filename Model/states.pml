// Made by Scripts/model-states of the tables of states in Sources/Spool/PostOffice: change them there.
// A column is a name (docs/reliability.md), a cell what is the matter with it.

// Sources/Spool/PostOffice/MailDrop.swift
// 1 file written, durable; a later run: removes it when it is old
#define MAILDROP_1 (is_x(public_dot_N_new) && is_none(router_N))
// 2 renamed, router/ durable; a later run: routes it
#define MAILDROP_2 (is_none(public_dot_N_new) && is_x(router_N))

// Sources/Spool/PostOffice/OpenControlFile+Report.swift
// 1 report written, durable; a later run: discards it
#define REPORT_1 (is_x(router_dot_staged_N) && is_none(router_REPORT) && is_none(first_d_line) && is_none(others))
// 2 first diagnostic marked reported, durable; a later run: goes on at 3
#define REPORT_2 (is_x(router_dot_staged_N) && is_none(router_REPORT) && is_plus(first_d_line) && is_none(others))
// 3 the others marked, durable; a later run: goes on at 4
#define REPORT_3 (is_x(router_dot_staged_N) && is_none(router_REPORT) && is_plus(first_d_line) && is_plus(others))
// 4 renamed into place, durable; a later run: nothing
#define REPORT_4 (is_none(router_dot_staged_N) && is_x(router_REPORT) && is_plus(first_d_line) && is_plus(others))

// Sources/Spool/PostOffice/PostOffice+Commit.swift
// 0 claimed; a later run: routes S
#define COMMIT_0 (is_x(router_S) && is_none(queue_N) && is_none(transport_dot_N_new) && is_none(transport_N))
// 1 control file written; a later run: routes S, rewrites .N.new
#define COMMIT_1 (is_x(router_S) && is_none(queue_N) && is_partial(transport_dot_N_new) && is_none(transport_N))
// 2 its content durable; a later run: routes S, rewrites .N.new
#define COMMIT_2 (is_x(router_S) && is_none(queue_N) && is_whole(transport_dot_N_new) && is_none(transport_N))
// 3 body linked; a later run: routes S, finds the link
#define COMMIT_3 (is_x(router_S) && is_x(queue_N) && is_whole(transport_dot_N_new) && is_none(transport_N))
// 4 queue/ durable; a later run: the same
#define COMMIT_4 (is_x(router_S) && is_x(queue_N) && is_whole(transport_dot_N_new) && is_none(transport_N))
// 5 control file renamed; a later run: removes router/S
#define COMMIT_5 (is_x(router_S) && is_x(queue_N) && is_none(transport_dot_N_new) && is_x(transport_N))
// 6 transport/ durable; a later run: removes router/S
#define COMMIT_6 (is_x(router_S) && is_x(queue_N) && is_none(transport_dot_N_new) && is_x(transport_N))
// 7 submission removed; a later run: nothing
#define COMMIT_7 (is_none(router_S) && is_x(queue_N) && is_none(transport_dot_N_new) && is_x(transport_N))
// 8 router/ durable; a later run: nothing
#define COMMIT_8 (is_none(router_S) && is_x(queue_N) && is_none(transport_dot_N_new) && is_x(transport_N))

// Sources/Spool/PostOffice/PostOffice+Deposit.swift
// 1 body written, durable; a later run: the tmp file is in nobody's way
#define DEPOSIT_1 (is_x(queue_dot_tmp) && is_none(queue_N) && is_none(transport_dot_N_new) && is_none(transport_N))
// 2 body renamed, queue/ durable; a later run: lists a body without message
#define DEPOSIT_2 (is_none(queue_dot_tmp) && is_x(queue_N) && is_none(transport_dot_N_new) && is_none(transport_N))
// 3 control file written, durable; a later run: the same
#define DEPOSIT_3 (is_none(queue_dot_tmp) && is_x(queue_N) && is_x(transport_dot_N_new) && is_none(transport_N))
// 4 who has the message already is left out; a later run: the same
#define DEPOSIT_4 (is_none(queue_dot_tmp) && is_x(queue_N) && is_x(transport_dot_N_new) && is_none(transport_N))
// 5 control file renamed, transport/ durable; a later run: delivers
#define DEPOSIT_5 (is_none(queue_dot_tmp) && is_x(queue_N) && is_none(transport_dot_N_new) && is_x(transport_N))

// Sources/Spool/PostOffice/PostOffice+Hold.swift
// 1 its submission and its origin know that it is routed,; a later run: works on N as before
#define HOLD_1 (is_x(queue_N) && is_x(transport_N) && is_none(transport_dot_hold_N))
// 2 renamed; a later run: leaves it alone
#define HOLD_2 (is_x(queue_N) && is_none(transport_N) && is_x(transport_dot_hold_N))
// 3 transport/ durable; a later run: leaves it alone
#define HOLD_3 (is_x(queue_N) && is_none(transport_N) && is_x(transport_dot_hold_N))

// Sources/Spool/PostOffice/PostOffice+Postman.swift
// 1 report written, durable; a later run: writes it anew
#define POSTMAN_1 (is_x(postman_dot_NAME_report_new) && is_none(postman_NAME_report))
// 2 renamed into place, durable; a later run: finds it there, writes it again in its place
#define POSTMAN_2 (is_none(postman_dot_NAME_report_new) && is_x(postman_NAME_report))

// Sources/Spool/PostOffice/PostOffice+Postman.swift
// 1 reason in place, durable; a later run: rejects S anew, replaces the reason
#define POSTMAN_B_1 (is_x(router_S) && is_x(postman_N_reason) && is_none(postman_N))
// 2 file linked, durable; a later run: finds the link, removes router/S
#define POSTMAN_B_2 (is_x(router_S) && is_x(postman_N_reason) && is_x(postman_N))
// 3 submission removed; a later run: nothing
#define POSTMAN_B_3 (is_none(router_S) && is_x(postman_N_reason) && is_x(postman_N))

// Sources/Spool/PostOffice/PostOffice+Remove.swift
// 1 its submission and its origin know that it is done,; a later run: removes it
#define REMOVE_1 (is_x(queue_N) && is_none(queue_dot_finished_N) && is_x_all_done(transport_N))
// 2 body renamed, queue/ durable; a later run: goes on at 3
#define REMOVE_2 (is_none(queue_N) && is_x(queue_dot_finished_N) && is_x_all_done(transport_N))
// 3 control file removed, transport/ durable; a later run: goes on at 4
#define REMOVE_3 (is_none(queue_N) && is_x(queue_dot_finished_N) && is_none(transport_N))
// 4 body removed; a later run: nothing
#define REMOVE_4 (is_none(queue_N) && is_none(queue_dot_finished_N) && is_none(transport_N))

// Sources/Spool/PostOffice/PostOffice+Resubmit.swift
// 1 renamed, router/ and postman/ durable; a later run: routes N, removes the reason when it is old
#define RESUBMIT_1 (is_none(postman_N) && is_x(postman_N_reason) && is_x(router_N))
// 2 reason removed; a later run: routes N
#define RESUBMIT_2 (is_none(postman_N) && is_none(postman_N_reason) && is_x(router_N))

// Sources/Spool/PostOffice/PostOffice+Retry.swift
// 1 asked for; a later run: tries N whatever its schedule says
#define RETRY_1 (is_x(transport_dot_retry_N))
// 2 an attempt has ended; a later run: tries N once more
#define RETRY_2 (is_x(transport_dot_retry_N))
// 3 removed; a later run: tries N by its schedule
#define RETRY_3 (is_none(transport_dot_retry_N))

// Sources/Spool/PostOffice/PostOffice+TakeOver.swift
// 1 control file written, durable; a later run: begins anew
#define TAKEOVER_1 (is_whole(_N_hK_new) && is_none(queue_N_hK) && is_none(transport_N_hK) && is_pending(recipients_in_N))
// 2 body linked, queue/ durable; a later run: begins anew
#define TAKEOVER_2 (is_whole(_N_hK_new) && is_x(queue_N_hK) && is_none(transport_N_hK) && is_pending(recipients_in_N))
// 3 control file renamed; a later run: marks them
#define TAKEOVER_3 (is_none(_N_hK_new) && is_x(queue_N_hK) && is_x(transport_N_hK) && is_pending(recipients_in_N))
// 4 transport/ durable; a later run: marks them
#define TAKEOVER_4 (is_none(_N_hK_new) && is_x(queue_N_hK) && is_x(transport_N_hK) && is_pending(recipients_in_N))
// 5 recipients marked done, durable; a later run: nothing
#define TAKEOVER_5 (is_none(_N_hK_new) && is_x(queue_N_hK) && is_x(transport_N_hK) && is_done(recipients_in_N))
