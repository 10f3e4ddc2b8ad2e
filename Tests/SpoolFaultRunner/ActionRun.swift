// What an administrator does with a queue: each action on every message that it can be done with.

import Spool
import System

struct ActionRun {
    enum Action: String {
        case hold, release, retry, remove, resubmit
    }

    let postOffice: PostOffice
    let action: Action

    func run() {
        attempt { try postOffice.completeRemovals() }
        attempt {
            let listing = try postOffice.messages()
            let names: [MessageName] =
                switch action {
                case .hold, .retry: listing.names
                case .release: listing.onHold
                case .remove: listing.names + listing.onHold
                case .resubmit: []
                }
            for name in names { attempt { try act(on: name) } }
        }
        if action == .remove {
            attempt { for name in try postOffice.submissions().names { attempt { try discard(name) } } }
        }
        guard action == .remove || action == .resubmit else { return }
        attempt {
            for file in try postOffice.filesPutAside() {
                attempt {
                    if action == .remove {
                        _ = try postOffice.discardAside(file.name)
                        return
                    }
                    let outcome = try postOffice.resubmit(file.name)
                    if !outcome.isSubmitted { print("error: \(outcome)") }
                }
            }
        }
    }

    private func attempt(_ work: () throws -> Void) {
        do { try work() } catch { print("error: \(error)") }
    }

    private func act(on name: MessageName) throws {
        if action == .retry { return try postOffice.askForAttempt(at: name) }
        let isOnHold = try postOffice.isOnHold(name)
        switch try postOffice.open(name, onHold: isOnHold) {
        case .busy: print("error: \(name) is busy")
        case .gone: break
        case .opened(let message):
            switch action {
            case .hold: say(postOffice.hold(message))
            case .release: say(postOffice.release(message))
            default:
                let outcome = postOffice.discard(message)
                if outcome != .removed { print("error: \(outcome)") }
            }
        }
    }

    private func discard(_ name: MessageName) throws {
        if case .claimed(let claim) = try postOffice.claim(name) { try postOffice.discard(claim) }
    }

    private func say(_ outcome: HoldOutcome) {
        if outcome != .done { print("error: \(outcome)") }
    }
}

extension ResubmissionOutcome {
    fileprivate var isSubmitted: Bool { if case .submitted = self { true } else { false } }
}
