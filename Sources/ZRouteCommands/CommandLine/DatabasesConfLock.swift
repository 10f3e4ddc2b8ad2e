// The lock that keeps commands apart that publish maps or change dbases.conf.

import ArgumentParser
import Configuration
import Maps
import System

/// The lock on a site's dbases.conf: the system frees it when its holder dies, however that happens.
enum DatabasesConfLock {
    /// Takes the lock, before the site is read: who waited for another has the site that the other has left.
    ///
    /// - Throws: the exit status, after saying why.
    static func take(_ options: SiteOptions, _ log: borrowing DiagnosticLog) throws -> FileLock {
        do {
            return try lock(options, log)
        } catch let error as FileError {
            do {
                // Whoever reads it says what is to be done about a file that is not there.
                _ = try LoggedSite(options: options)
            } catch {
                log.say(error)
                throw ExitCode(unusableConfiguration: error)
            }
            log.say(error)
            throw ExitCode.inputOutput
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }

    private static func lock(_ options: SiteOptions, _ log: borrowing DiagnosticLog) throws -> FileLock {
        let path = try DatabasesConf.location(named: options.dbases, settings: try options.settings())
        while true {
            let lock = try FileLock(path) {
                log.say("\(path): waiting for another newdb or convert to finish", .notice)
            }
            if lock.isOn(path) { return lock }
        }
    }
}
