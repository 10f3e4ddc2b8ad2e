// Clears away what dead runs left behind, and tells what a person should look at.

import Glibc
package import System

/// What a look through the spool found.
package struct RecoveryReport: Sendable, Hashable {
    /// Unfinished files that were removed, as paths.
    package var removedFiles: [String] = []
    /// Messages without body whose recipients are all done: a run died while it removed them; they are gone now.
    package var removedMessages: [MessageName] = []
    /// Messages with recipients to serve but without body: their mail is lost unless a person finds the body.
    package var messagesWithoutBody: [MessageName] = []
    /// Bodies without control file that no submission belongs to: never removed, as another program's router may just be
    /// about to write the control file.
    package var bodiesWithoutMessage: [MessageName] = []
}

extension PostOffice {
    /// Completes what runs that died had begun, where that does not show in a submission or message itself.
    ///
    /// Routing and delivery do not depend on it: call it at the start of a run. Removing an unfinished file is always
    /// safe: its writer, should it be alive after all, fails, and its message stays where it was.
    ///
    /// - Parameter age: how long an unfinished file must not have been written to, in seconds.
    package func recover(unfinishedFor age: Int64 = 3600) throws(FileError) -> RecoveryReport {
        var report = RecoveryReport()
        for directory in [router, transport, postman] + (try publicDirectory()) {
            try removeUnfinished(in: directory, age: age, report: &report)
        }
        try completeRemovals()
        let listing = try messages()
        let messages = Set(listing.names)
        let onHold = Set(listing.onHold)
        let bodies = Set(try listedBodies())
        for message in messages.subtracting(bodies).sorted() { try settleBodiless(message, report: &report) }
        for message in onHold.subtracting(bodies).sorted() where try !isGone(message, onHold: true) {
            report.messagesWithoutBody.append(message)
        }
        for body in bodies.subtracting(messages).subtracting(onHold).sorted() {
            if try removeUnusedLink(body, report: &report) { continue }
            guard let status = try queue.status(body.description), status.links == 1,
                try transport.status(body.description) == nil, try !isOnHold(body)
            else { continue }
            report.bodiesWithoutMessage.append(body)
        }
        return report
    }

    /// The directory in which programs write what they submit, if there is one.
    private func publicDirectory() throws(FileError) -> [SpoolDirectory] {
        do throws(FileError) {
            return [try SpoolDirectory(path: "\(path)/public", operations: operations)]
        } catch {
            guard error.isMissing else { throw error }
            return []
        }
    }

    private func listedBodies() throws(FileError) -> [MessageName] {
        try queue.list().compactMap { MessageName(bytes: $0.name) }
    }

    private func removeUnfinished(
        in directory: SpoolDirectory, age: Int64, report: inout RecoveryReport
    ) throws(FileError) {
        let now = Int64(time(nil))
        for entry in try directory.list() {
            guard try isAbandoned(entry.name, in: directory), let name = String(validating: entry.name, as: UTF8.self),
                let status = try directory.status(name), status.isRegularFile,
                // Dated as far ahead of the clock, it is another clock's date, and old.
                (now - status.modified / 1_000_000_000).magnitude >= age.magnitude
            else { continue }
            try directory.unlink(name)
            report.removedFiles.append(directory.path(of: name))
        }
    }

    /// Whether a name is one of an unfinished file, of a report staged for a message that is gone, of a wish for an attempt at
    /// one, or of a reason whose file was submitted again.
    private func isAbandoned(_ name: [UInt8], in directory: SpoolDirectory) throws(FileError) -> Bool {
        if TemporaryName.isUnfinished(name) { return true }
        if let message = TemporaryName.messageToRetry(name) {
            return try !isRouted(message)
        }
        if directory === postman, let refused = MessageName(bytes: name)?.refused {
            return try postman.status(refused) == nil
        }
        guard let message = TemporaryName.stagedMessage(name) else { return false }
        return try !isRouted(message)
    }

    /// A control file without body: one that was being removed goes, any other is reported.
    private func settleBodiless(_ message: MessageName, report: inout RecoveryReport) throws(FileError) {
        do throws(ControlAccessError) {
            switch try open(message) {
            case .busy: return
            case .gone: return
            case .opened(let opened):
                // It may have been completed since the directories were listed.
                guard try isMissing(message, in: queue) else { return }
                guard opened.contents.isFinished else {
                    report.messagesWithoutBody.append(message)
                    return
                }
                if remove(opened) == .removed { report.removedMessages.append(message) }
            }
        } catch {
            switch error {
            case .file(let failure): throw failure
            case .content: report.messagesWithoutBody.append(message)
            }
        }
    }

    /// Removes a body linked for recipients to be taken over whose control file never came into place.
    ///
    /// A later run began anew, perhaps with other recipients and so another name.
    ///
    /// - Returns: whether `body` was of that kind.
    private func removeUnusedLink(_ body: MessageName, report: inout RecoveryReport) throws(FileError) -> Bool {
        guard let origin = body.origin else { return false }
        do throws(ControlAccessError) {
            // Whoever takes recipients over holds the lock of the message they come from, as this does meanwhile.
            switch try open(origin) {
            case .busy: return true
            case .gone: return try removeLink(body, report: &report)
            case .opened(let opened):
                let isRemoved = try removeLink(body, report: &report)
                _ = consume opened
                return isRemoved
            }
        } catch {
            switch error {
            case .file(let failure): throw failure
            case .content: return false
            }
        }
    }

    private func removeLink(_ body: MessageName, report: inout RecoveryReport) throws(ControlAccessError) -> Bool {
        // Its message may have been put on hold, or released, between two looks.
        guard try isMissing(body, in: transport), try !isHeld(body), try isMissing(body, in: transport)
        else { return true }
        try ControlAccessError.about { () throws(FileError) in try queue.unlink(body.description) }
        report.removedFiles.append(queue.path(of: body.description))
        return true
    }

    private func isHeld(_ name: MessageName) throws(ControlAccessError) -> Bool {
        try ControlAccessError.about { () throws(FileError) in try isOnHold(name) }
    }

    private func isMissing(_ name: MessageName, in directory: SpoolDirectory) throws(ControlAccessError) -> Bool {
        try ControlAccessError.about { () throws(FileError) in try directory.status(name.description) == nil }
    }
}
