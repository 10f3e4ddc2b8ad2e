// Puts messages on hold, and releases them. The name of the control file says which: one that begins with a dot is no message
// to any program that works on the spool, ZMailer's among them.
//
//   step                                                    queue/N  transport/N  transport/.hold-N  a later run
//   1 its submission and its origin know that it is routed,    x          x              -           works on N as before
//     tags durable
//   2 renamed                                                  x          -              x           leaves it alone
//   3 transport/ durable                                       x          -              x           leaves it alone
//
// Step 2 decides, and no state lies between. Step 1 is what removing a message begins with, too: whoever looks for transport/N
// to learn that a submission was routed, or that recipients were taken over, does not find it any more. Release goes the way
// back by the same two steps. The body keeps its name all the time, so that no other message can take it.

package import System

/// What became of a message that was to be put on hold, or released.
package enum HoldOutcome: Sendable, Hashable {
    /// It was.
    case done
    /// It stays as it is: the message its recipients were taken over from is being worked on.
    case busy(origin: MessageName)
    /// It stays as it is: an agent of ZMailer's, which has this process number, is at work on it.
    case inDelivery(process: Int32)
    /// It stays as it is for this reason.
    case failed(String)
}

extension PostOffice {
    /// Whether a message is on hold.
    package func isOnHold(_ message: MessageName) throws(FileError) -> Bool {
        try transport.status(TemporaryName.onHold(message)) != nil
    }

    /// Puts a message on hold, durably: nobody routes or delivers anything of it before it is released.
    package func hold(_ message: consuming OpenControlFile) -> HoldOutcome {
        let name = message.message
        if let process = message.contents.agentAtWork { return .inDelivery(process: process) }
        do throws(FileError) {
            if let origin = message.contents.origin {
                switch try settle(origin) {
                case nil, .removed: break
                case .busy(let origin): return .busy(origin: origin)
                case .failed(let reason): return .failed(reason)
                }
            }
            guard let body = try queue.status(name.description) else {
                return .failed("\(bodyPath(of: name)): the body is missing")
            }
            if body.links > 1 { try removeSubmission(of: body) }
            try message.sync()
            try move(message.file, name.description, to: TemporaryName.onHold(name))
        } catch {
            return .failed(error.description)
        }
        return .done
    }

    /// Releases a message on hold, durably.
    package func release(_ message: consuming OpenControlFile) -> HoldOutcome {
        do throws(FileError) {
            let name = message.message
            try move(message.file, TemporaryName.onHold(name), to: name.description)
        } catch {
            return .failed(error.description)
        }
        return .done
    }

    /// Steps 2 and 3.
    ///
    /// - Parameter file: the control file, whose lock is held meanwhile.
    private func move(_ file: OpenFile, _ name: String, to newName: String) throws(FileError) {
        guard try transport.status(newName) == nil else {
            throw FileError(
                operation: "rename", path: transport.path(of: name), reason: "\(newName) is there already; look at both"
            )
        }
        try transport.rename(name, to: newName)
        try transport.sync()
        withExtendedLifetime(file) {}
    }
}

extension ControlFile {
    /// The process of an agent that is at work on a recipient, as its tag says; nil where none is.
    ///
    /// In a file that this process has opened the agent is alive, and one of ZMailer's.
    package var agentAtWork: Int32? {
        recipients.first { $0.tag == .locked }.map { $0.process ?? 1 }
    }
}
