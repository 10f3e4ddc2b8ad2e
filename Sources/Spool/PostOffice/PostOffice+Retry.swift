// Asks for an attempt before its time: an empty file beside the control file, which whoever delivers finds when it looks for
// messages, and which changes the date of the directory that services watch.
//
//   step                                     transport/.retry-N  a later run
//   1 asked for                                      x           tries N whatever its schedule says
//   2 an attempt has ended                           x           tries N once more
//   3 removed                                        -           tries N by its schedule
//
// Whoever dies between 2 and 3 has somebody try once more, which harms nothing. Where N is gone the file goes with the next look.

import Glibc
package import System

extension PostOffice {
    /// Asks whoever delivers to try a message now; durable when this returns.
    package func askForAttempt(at message: MessageName) throws(FileError) {
        do throws(FileError) {
            _ = try transport.create(TemporaryName.retry(message))
        } catch {
            guard error.code == EEXIST else { throw error }
            return
        }
        try transport.sync()
    }

    /// Whether an attempt was asked for that nobody has made yet.
    package func isAttemptAskedFor(at message: MessageName) throws(FileError) -> Bool {
        try transport.status(TemporaryName.retry(message)) != nil
    }

    /// Notes that the attempt was made, or that there is no such message any more.
    package func endAsking(for message: MessageName) throws(FileError) {
        try transport.unlink(TemporaryName.retry(message))
    }
}
