// The exit statuses of sysexits.h that scripts and MTAs understand.

import ArgumentParser
import Configuration

extension ExitCode {
    /// Everything was routed or done.
    static let ok = ExitCode(0)
    /// The key does not exist, or a check found something.
    static let absent = ExitCode(1)
    /// The command was used wrongly (EX_USAGE).
    static let usage = ExitCode(64)
    /// The input cannot be read as what it should be (EX_DATAERR).
    static let unreadableInput = ExitCode(65)
    /// An input file does not exist (EX_NOINPUT).
    static let missingInput = ExitCode(66)
    /// Some address failed for good (EX_NOUSER).
    static let noUser = ExitCode(67)
    /// An output file cannot be made (EX_CANTCREAT).
    static let cannotCreate = ExitCode(73)
    /// Reading or writing failed (EX_IOERR).
    static let inputOutput = ExitCode(74)
    /// Some answer is not to be had now (EX_TEMPFAIL).
    static let tryAgain = ExitCode(75)
    /// This user may not do it (EX_NOPERM).
    static let notPermitted = ExitCode(77)
    /// The configuration is wrong (EX_CONFIG).
    static let configuration = ExitCode(78)

    /// The status of a command whose configuration cannot be used; one that is being written may be fine in a moment.
    init(unusableConfiguration error: any Error) {
        self = (error as? ConfigurationError)?.isTemporary ?? false ? .tryAgain : .configuration
    }

    /// The status of two parts of a run together: what a person has to see to comes before what mends itself.
    func worse(_ other: ExitCode) -> ExitCode {
        let order: [ExitCode] = [.inputOutput, .configuration, .tryAgain, .missingInput, .unreadableInput, .noUser]
        return order.first { $0 == self || $0 == other } ?? .ok
    }
}
