// The spool of a service: what comes in, and whether its directories are where they were.

import Glibc
import Spool
import System

/// A spool in which a service works for long.
struct WatchedSpool {
    /// Where the spool is, as a look finds it.
    enum Place {
        /// Not there: nothing is done.
        case away
        /// Where it was.
        case same
        /// There again, and it may be another: work begins anew.
        case another
    }

    let postOffice: PostOffice
    private let submissions: SubmissionWatch?
    private var place: SpoolPlace
    private let say: (Diagnosis) -> Void

    /// A spool that was just opened.
    ///
    /// - Parameters:
    ///   - watchesSubmissions: whether what comes in is to be told of. Where the system does not, that is said, and it has
    ///     to be looked for.
    ///   - say: is given what people should know.
    init(_ postOffice: PostOffice, watchesSubmissions: Bool, say: @escaping (Diagnosis) -> Void) {
        self.postOffice = postOffice
        self.say = say
        place = SpoolPlace(postOffice)
        guard watchesSubmissions else {
            submissions = nil
            return
        }
        do throws(FileError) {
            submissions = try SubmissionWatch(postOffice: postOffice.path)
        } catch {
            say(Diagnosis(error))
            submissions = nil
        }
    }

    /// What can be read as long as there is news of submissions; nil where they have to be looked for.
    var input: Int32? { submissions?.descriptor }

    /// Takes the news of submissions, and looks where the spool is; each change is said once.
    ///
    /// - Parameter isIdle: whether nothing is being worked on; only then the directories can change under the service.
    mutating func look(isIdle: Bool) -> Place {
        submissions?.takeEvents()
        var isBack = false
        let isInPlace = place.look(isIdle: isIdle) { change in
            say(Diagnosis(change.description(of: postOffice), .warning, file: postOffice.path))
            if case .back = change { isBack = true }
        }
        guard isBack else { return isInPlace ? .same : .away }
        do throws(FileError) {
            try submissions?.follow()
        } catch {
            say(Diagnosis(error))
        }
        return .another
    }
}
