// How commands come to the spool: where it is, what it is called, how many files may be open in it.

import ArgumentParser
import Configuration
import Glibc
import Spool
import System

/// A command's way to the spool.
enum SpoolAccess {
    /// Opens the spool that the settings name.
    ///
    /// - Throws: the exit status, after saying what is wrong.
    static func open(_ settings: Settings, _ log: borrowing DiagnosticLog) throws(ExitCode) -> PostOffice {
        let path: String
        do throws(ConfigurationError) {
            path = try self.path(settings)
        } catch {
            log.say(error)
            throw .configuration
        }
        do throws(FileError) {
            return try PostOffice(path: path)
        } catch {
            log.say(error, rest: remedy)
            throw error.isUnreachable ? .missingInput : .tryAgain
        }
    }

    /// Opens the spool that the settings name, and completes what a delivery before was in the middle of.
    ///
    /// - Throws: the exit status, after saying what is wrong.
    static func openForDelivery(_ settings: Settings, _ log: borrowing DiagnosticLog) throws(ExitCode) -> PostOffice {
        let postOffice = try open(settings, log)
        do throws(FileError) {
            try postOffice.completeRemovals()
        } catch {
            log.say(error)
            throw .tryAgain
        }
        return postOffice
    }

    /// Goes on as the owner of the spool, whose programs must be able to work on whatever is made in it: root becomes the owner,
    /// and nobody else may change anything.
    ///
    /// - Throws: the exit status, after saying who may.
    static func becomeOwner(of postOffice: PostOffice, _ log: borrowing DiagnosticLog) throws(ExitCode) {
        let owner: (user: UInt32, group: UInt32)
        do throws(FileError) {
            owner = try postOffice.owner()
        } catch {
            log.say(error)
            throw .tryAgain
        }
        guard geteuid() != owner.user else { return }
        var name = "user \(owner.user)"
        if let entry = unsafe getpwuid(owner.user) { name = unsafe String(cString: entry.pointee.pw_name) }
        guard geteuid() == 0 else {
            log.say("\(postOffice.path): only the spool's owner may do this; run it as \(name), or as root")
            throw .notPermitted
        }
        // A user without an entry has no groups; root's must not be left.
        let entry = unsafe getpwuid(owner.user).map { unsafe initgroups($0.pointee.pw_name, owner.group) }
        let groups = entry ?? setgroups(0, nil)
        guard groups == 0, setgid(owner.group) == 0, setuid(owner.user) == 0 else {
            log.say(FileError(operation: "become \(name), its owner", path: postOffice.path, code: errno))
            throw .notPermitted
        }
    }

    /// What to do about a spool that cannot be opened, as the end of a message.
    static let remedy =
        "; POSTOFFICE needs the directories router, transport, queue and postman, which this user may read and write: make"
        + " them, or set POSTOFFICE to where they are"

    /// The path of the spool that the settings name.
    private static func path(_ settings: Settings) throws(ConfigurationError) -> String {
        guard let path = settings.postOffice else {
            throw settings.missing("POSTOFFICE", "it names the spool; set it to the spool's directory")
        }
        return path
    }

    /// Warns where a configuration that was read anew names another spool: a service stays with the one it has.
    ///
    /// - Throws: where it names none, and no service could start with it.
    static func warnOfOtherSpool(
        _ settings: Settings, than postOffice: PostOffice, say: (Diagnosis) -> Void
    ) throws(ConfigurationError) {
        let path = try path(settings)
        guard path != postOffice.path else { return }
        say(
            Diagnosis(
                "POSTOFFICE is \(path) now, and the service stays with \(postOffice.path) until it is started anew",
                .warning, file: settings.file))
    }

    /// Between two looks for submissions where nothing tells of them.
    static let pollingPause = Duration.seconds(1)

    /// The names of submissions given as names or as paths.
    ///
    /// - Parameter missing: is given what is no file of `router`, with the reason.
    static func submissions(
        named files: [String], in postOffice: PostOffice, missing: (String) -> Void
    ) throws(FileError) -> [MessageName] {
        let router = try FileIdentity(path: "\(postOffice.path)/router")
        var names: [MessageName] = []
        for file in files {
            let parts = file.split(separator: "/", omittingEmptySubsequences: false)
            let directory = parts.count > 1 ? parts.dropLast().joined(separator: "/") + "/" : nil
            let place = directory.flatMap { try? FileIdentity(path: $0) } ?? router
            guard place.inode == router.inode, place.device == router.device,
                let name = parts.last.map(String.init).flatMap({ MessageName($0) })
            else {
                missing("\(file): not a file of \(postOffice.path)/router; put it there, by a rename or a link")
                continue
            }
            do throws(FileError) {
                _ = try FileIdentity(path: "\(postOffice.path)/router/\(name)")
                names.append(name)
            } catch {
                missing("\(error)")
            }
        }
        return names
    }

    /// How many submissions a worker may have open together, each with its control file.
    static func batchSize(jobs: Int) -> Int { min(max(freeFiles / (4 * max(jobs, 1)), 4), 1024) }

    /// How many messages may be open that are routed and wait to be delivered, each with its control file.
    static var openLimit: Int { min(max(freeFiles / 4, 4), 2048) }

    /// Whether so many files more can be opened now.
    static func hasFreeFiles(_ count: Int) -> Bool {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        for _ in 0..<count {
            let descriptor = unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            opened.append(descriptor)
        }
        return true
    }

    /// How many files may be open in a spool.
    ///
    /// The limit of open files is raised as far as this process may.
    private static var freeFiles: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Maps, the spool's directories and the standard files need some as well.
        return max(Int(clamping: limit.rlim_cur) - 128, 0)
    }
}
