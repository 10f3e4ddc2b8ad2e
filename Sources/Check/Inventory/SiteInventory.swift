// All that makes up a site as it is in effect: settings with their origins, maps, channels, and every file that was read or
// looked for.

package import Configuration
package import Delivery
package import Maps
import Site
import System

/// A configuration as it is in effect.
package struct SiteInventory: Sendable {
    /// The settings.
    package let settings: Settings
    /// The lines of dbases.conf; nil where it is not known which file that would be.
    package let databases: DatabasesConf?
    /// How channels are served; nil for a site without a scheduler.conf.
    package let scheduler: SchedulerConf?
    /// Each file that was read or looked for, in the order in which that is done.
    package let files: [FileLookedFor]
    /// What is wrong with the files that were read for this: settings, dbases.conf, scheduler.conf.
    package let findings: [Finding]

    /// Takes stock of a site; no map is read.
    package init(_ site: SiteFiles, backEnds: MapBackEnds = .all) {
        let settings = Settings.read(file: site.config, overrides: site.overrides)
        self.settings = settings
        var files = settings.placesLookedAt.map { FileLookedFor($0, "zmailer.conf", .missing) }
        files += settings.filesLookedFor.filter { !settings.placesLookedAt.contains($0.path) }
        var findings = settings.findings

        var databases: DatabasesConf?
        if let location = try? DatabasesConf.location(named: site.dbases, settings: settings) {
            for place in DatabasesConf.places(named: site.dbases, settings: settings) {
                files.append(Self.look(at: place, "dbases.conf"))
                if place == location { break }
            }
            let read = DatabasesConf(reading: location, settings: settings, types: backEnds.types)
            findings += Site(settings: settings, databases: read, backEnds: backEnds).findings.filter {
                $0.file == location
            }
            databases = read
        }
        self.databases = databases

        var scheduler: SchedulerConf?
        var named: [(path: String, purpose: String)] = []
        for definition in databases?.definitions ?? [] { named += Self.files(of: definition) }
        if let users = settings.localUsers { named.append((users, "accounts (LOCALUSERS)")) }
        if let postOffice = settings.postOffice { named.append((postOffice, "spool (POSTOFFICE)")) }
        if let path = site.schedulerPath(settings) {
            named.append((path, "scheduler.conf"))
            if site.hasScheduler(settings) {
                let conf = SchedulerConf(reading: path)
                findings += conf.findings
                named += DeliveryPlan(.scheduler(conf), settings: settings).namedFiles
                scheduler = conf
            }
        }
        self.scheduler = scheduler
        var seen = Set(files.map(\.path))
        for (path, purpose) in named where seen.insert(path).inserted { files.append(Self.look(at: path, purpose)) }
        self.files = files
        self.findings = findings
    }

    private static func files(of definition: MapDefinition) -> [(path: String, purpose: String)] {
        var files: [(path: String, purpose: String)] = []
        if let source = definition.source, source.path != definition.tablePath {
            files.append((source.path, "source of \(definition.relation)"))
        }
        if let path = definition.tablePath, definition.type.storage != .server {
            files.append((path, "map \(definition.relation)"))
        }
        if let path = definition.environmentFile { files.append((path, "environment of \(definition.relation) (-C)")) }
        return files
    }

    private static func look(at path: String, _ purpose: String) -> FileLookedFor {
        do throws(FileError) {
            if try FileIdentity(path: path).isDirectory {
                _ = try fileNames(in: path)
            } else {
                _ = try ReadableFile(path)
            }
            return FileLookedFor(path, purpose, .present)
        } catch {
            return FileLookedFor(
                path, purpose, error.isMissing ? .missing : .unreadable("\(error.operation): \(error.reason)"))
        }
    }
}
