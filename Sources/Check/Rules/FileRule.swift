// Who may change the files that decide where mail goes: whoever may write them, or the directory that they are in, decides.

import Configuration
import Delivery
import Glibc
import Maps
import Site
import System

/// Looks at owners and modes.
struct FileRule {
    let configuration: SiteConfiguration

    /// What others may change.
    func findings(_ found: (Finding?) -> Void) {
        let files = configurationFiles + sources
        modes(files, found)
        owners(files, found)
        directories(files.map(\.path) + tables, found)
        spool(found)
        for path in sources.map(\.path) where !isText(path) { SourcePrivilege.finding(about: path).map { found($0) } }
        for file in configuration.plan?.tlsFiles ?? [] {
            if let key = file.keyFile, let identity = try? FileIdentity(path: key), identity.mode & 0o004 != 0 {
                found(unsafe(key, "everyone may read the private key (mode \(octal(identity.mode))); chmod o-r it"))
            }
        }
    }

    private typealias File = (path: String, identity: FileIdentity)

    private func existing(_ paths: [String?]) -> [File] {
        var seen: Set<String> = []
        return paths.compactMap { path in
            guard let path, seen.insert(path).inserted, let identity = try? FileIdentity(path: path) else { return nil }
            return (path, identity)
        }
    }

    private var configurationFiles: [File] {
        let settings = configuration.settings
        var paths: [String?] = [
            settings.file, settings.mailVar.map { "\($0)/mail.conf" }, settings.mailShare.map { "\($0)/router.cf" },
            configuration.site?.databases.file,
        ]
        paths += configuration.site?.databases.definitions.map(\.environmentFile) ?? []
        paths += configuration.site?.databases.definitions.map { $0.type.isDescribed ? $0.path : nil } ?? []
        if let plan = configuration.plan, case .scheduler(let conf) = plan.source {
            paths.append(conf.file)
            for file in plan.tlsFiles { paths += [file.path, file.certificateFile, file.keyFile, file.authorityFile] }
        }
        return existing(paths)
    }

    private var definitions: [MapDefinition] { configuration.site?.databases.definitions ?? [] }

    private var sources: [File] { existing(definitions.map { $0.source?.path }) }

    private var tables: [String] { existing(definitions.map(\.tablePath)).map(\.path) }

    private func isText(_ path: String) -> Bool { definitions.contains { $0.textForm != nil && $0.path == path } }

    private func unsafe(_ path: String, _ text: String) -> Finding {
        Finding(.unsafeMode, .warning, file: path, text: text)
    }

    private func octal(_ mode: UInt32) -> String { String(mode & 0o7777, radix: 8) }

    private func modes(_ files: [File], _ found: (Finding?) -> Void) {
        let sources = Set(sources.map(\.path))
        for (path, identity) in files where identity.mode & 0o002 != 0 && !sources.contains(path) {
            found(
                unsafe(
                    path,
                    "everyone may write this file, and so decide where mail goes (mode \(octal(identity.mode))); chmod o-w it"
                ))
        }
    }

    /// A file of somebody who owns nothing else of the site.
    private func owners(_ files: [File], _ found: (Finding?) -> Void) {
        var counts: [UInt32: Int] = [:]
        for file in files { counts[file.identity.owner, default: 0] += 1 }
        let usual = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        // Whoever owns a directory may put other files in the place of those that are in it.
        for (path, identity) in files + existing(files.map { directory(of: $0.path) })
        where identity.owner != 0 && identity.owner != geteuid() && identity.owner != usual {
            found(
                Finding(
                    .unsafeOwner, .warning, file: path,
                    text:
                        "belongs to user \(identity.owner), who is neither root nor the owner of the site's other files and decides where"
                        + " mail goes all the same; chown it"))
        }
    }

    /// Directories of the spool in which everyone may put mail, or other files in the place of mail.
    private func spool(_ found: (Finding?) -> Void) {
        guard let place = configuration.settings.postOffice else { return }
        for name in ["router", "transport", "queue", "postman", "public"] {
            let path = "\(place)/\(name)"
            guard let identity = try? FileIdentity(path: path), identity.mode & 0o002 != 0,
                name != "public" || identity.mode & 0o1000 == 0
            else { continue }
            let remedy = name == "public" ? "chmod +t it" : "chmod o-w it"
            found(
                unsafe(
                    path,
                    "everyone may write this directory, and so what is done with mail (mode \(octal(identity.mode))); \(remedy)"
                ))
        }
    }

    /// Directories in which others may put another file in the place of one of the site's.
    private func directories(_ files: [String], _ found: (Finding?) -> Void) {
        var seen: Set<String> = []
        for path in files {
            var place = directory(of: path)
            while seen.insert(place).inserted {
                if let identity = try? FileIdentity(path: place), identity.mode & 0o002 != 0,
                    identity.mode & 0o1000 == 0
                {
                    found(
                        unsafe(
                            place,
                            "everyone may write this directory, and so put other files in the place of \(path) (mode"
                                + " \(octal(identity.mode))); chmod o-w it"))
                }
                let above = directory(of: place)
                if above == place || place == "/" || place == "." { break }
                place = above
            }
        }
    }
}

extension Finding.Name {
    /// A file or directory that others may change.
    static let unsafeMode = Finding.Name("unsafe-mode")
    /// A file of somebody who should not decide where mail goes.
    static let unsafeOwner = Finding.Name("unsafe-owner")
}
