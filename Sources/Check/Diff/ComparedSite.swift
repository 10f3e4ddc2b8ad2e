// One side of a comparison: a configuration, or a directory that holds one, perhaps as a copy of the place where it is at work.

package import Configuration
package import Maps
package import Site
import System

/// A site that is compared with another.
package struct ComparedSite: Sendable {
    /// What messages call it: what the command line said.
    package let name: String
    /// The site.
    package let site: Site

    /// Takes a site that is open.
    package init(name: String, site: Site) {
        (self.name, self.site) = (name, site)
    }

    /// Opens a zmailer.conf, or a directory.
    ///
    /// A directory has a zmailer.conf, or else is taken for the `MAILVAR` of the usual one. Where it has a dbases.conf of its own,
    /// it is the place of the site, whatever place its files name: paths that lead there lead into the directory.
    ///
    /// - Parameters:
    ///   - config: the zmailer.conf of directories without one; nil for the usual one.
    ///   - overrides: settings that stand before those of the files.
    /// - Throws: `ConfigurationError` with file and line.
    package init(
        opening name: String, config: String? = nil, overrides: [(name: String, value: String)] = [],
        backEnds: MapBackEnds = .all
    ) throws(ConfigurationError) {
        let identity: FileIdentity
        do {
            identity = try FileIdentity(path: name)
        } catch {
            throw ConfigurationError(
                file: name,
                text: "\(error.operation): \(error.reason); name a zmailer.conf, or a directory with one or with"
                    + " a dbases.conf")
        }
        guard identity.isDirectory else {
            let settings = try Settings.load(file: name, overrides: overrides)
            self.init(name: name, site: try Site(settings: settings, backEnds: backEnds))
            return
        }
        self.init(name: name, site: try Self.open(absolutePath(name), config, overrides, backEnds))
    }

    private static func open(
        _ directory: String, _ config: String?, _ overrides: [(name: String, value: String)], _ backEnds: MapBackEnds
    ) throws(ConfigurationError) -> Site {
        let own = "\(directory)/zmailer.conf"
        let file = FileIdentity.isMissing(at: own) ? config : own
        let written = Settings.read(file: file, overrides: overrides)
        let isOverridden = overrides.contains { $0.name == "MAILVAR" }
        guard !isOverridden, let move = move(written.mailVar, to: directory) else {
            guard file == own || isOverridden else {
                throw ConfigurationError(
                    file: directory,
                    text:
                        "has neither a zmailer.conf nor a dbases.conf, beside it or in db; name a zmailer.conf, or a directory"
                        + " with one of the two")
            }
            return try Site(settings: try Settings.load(file: file, overrides: overrides), backEnds: backEnds)
        }
        var moved = overrides
        moved.append(("MAILVAR", move.mailVar))
        for (name, path) in [("MAILSHARE", written.mailShare), ("LOCALUSERS", written.localUsers)] {
            guard let path, let other = move.path(path), (try? FileIdentity(path: other)) != nil else { continue }
            moved.append((name, other))
        }
        let settings = try Settings.load(file: file, overrides: moved)
        let location = try DatabasesConf.location(settings: settings)
        let databases = DatabasesConf(reading: location, settings: settings, types: backEnds.types)
        let site = Site(
            settings: settings, databases: databases.mapped { moving($0, move) }, backEnds: backEnds)
        if let error = ConfigurationError(site.findings) { throw error }
        return site
    }

    /// From where to where paths lead in a copy.
    private struct Move {
        let mailVar: String
        let from: String, to: String

        /// Where a path leads now; nil where it is as it was.
        func path(_ path: String) -> String? {
            guard from != to, path == from || path.hasPrefix(from + "/") else { return nil }
            return to + String(path.dropFirst(from.count))
        }
    }

    /// Where the maps are in a directory, as seen from where the settings say they are; nil where the directory has no dbases.conf.
    private static func move(_ mailVar: String?, to directory: String) -> Move? {
        let known = mailVar.map { absolutePath($0) } ?? directory
        let parts = known.split(separator: "/").map(String.init)
        // A copy may begin some levels above MAILVAR.
        for depth in 0...parts.count {
            let below = parts.suffix(depth).map { "/\($0)" }.joined()
            let place = directory + below
            guard
                ["\(place)/db/dbases.conf", "\(place)/dbases.conf"].contains(where: {
                    (try? FileIdentity(path: $0)) != nil
                })
            else { continue }
            let above = parts.dropLast(depth).map { "/\($0)" }.joined()
            return Move(mailVar: place, from: above, to: directory)
        }
        return nil
    }

    /// A map of a copy: nobody changes it, and its environment is that of the other place.
    private static func moving(_ definition: MapDefinition, _ move: Move) -> MapDefinition {
        guard let path = definition.path, move.path(path) != nil else { return definition }
        var moved = definition
        moved.path = move.path(path)
        moved.flags.environmentFile = nil
        return moved
    }
}
