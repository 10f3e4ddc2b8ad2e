// Reads everything that a site's configuration names, and says all that is wrong with it, before any lookup or delivery.

package import Configuration
package import Delivery
package import Maps
package import Site
import System

/// Where the files of a site are, as a command line says it.
package struct SiteFiles: Sendable {
    /// The zmailer.conf; nil for the one that the environment or the standard places have.
    package var config: String?
    /// The dbases.conf; nil for the one that the settings lead to.
    package var dbases: String?
    /// The scheduler.conf; nil for the one that the settings lead to.
    package var scheduler: String?
    /// Settings in the place of those of the files.
    package var overrides: [(name: String, value: String)] = []

    /// The files of a site.
    package init(
        config: String? = nil, dbases: String? = nil, scheduler: String? = nil,
        overrides: [(name: String, value: String)] = []
    ) {
        (self.config, self.dbases, self.scheduler) = (config, dbases, scheduler)
        self.overrides = overrides
    }

    /// What of the settings, of dbases.conf and the files that its lines name, of scheduler.conf, its commands and the files
    /// behind their options cannot be used, or was probably not meant: the findings about each file together, in the order
    /// of its lines.
    ///
    /// Nothing is looked up in a map, nothing is connected to, and nothing is written.
    package func findings(backEnds: MapBackEnds = .all) -> [Finding] { read(backEnds: backEnds).findings }

    /// Reads the files.
    package func read(backEnds: MapBackEnds = .all) -> SiteConfiguration {
        let settings = Settings.read(file: config, overrides: overrides)
        let (site, found) = maps(settings, backEnds)
        let plan = plan(settings)
        return SiteConfiguration(
            settings: settings, site: site, plan: plan, findings: found + (plan?.findings ?? []))
    }

    private func maps(_ settings: Settings, _ backEnds: MapBackEnds) -> (Site?, [Finding]) {
        do throws(ConfigurationError) {
            let location = try DatabasesConf.location(named: dbases, settings: settings)
            let databases = DatabasesConf(reading: location, settings: settings, types: backEnds.types)
            let isLost = dbases == nil && databases.mistakes.contains { $0.name == .missingFile }
            // Where the settings have a mistake, the place that they lead to says nothing.
            guard !isLost || ConfigurationError(settings.findings) == nil else { return (nil, settings.findings) }
            let site = Site(settings: settings, databases: databases, backEnds: backEnds)
            return (site, site.allFindings)
        } catch {
            guard ConfigurationError(settings.findings) == nil else { return (nil, settings.findings) }
            return (
                nil,
                settings.findings + [
                    Finding(.missingSetting, .error, file: error.file, line: error.line, text: error.text)
                ]
            )
        }
    }

    private func plan(_ settings: Settings) -> DeliveryPlan? {
        guard let file = schedulerPath(settings), hasScheduler(settings) else { return nil }
        return DeliveryPlan(.scheduler(SchedulerConf(reading: file)), settings: settings)
    }

    /// Where scheduler.conf is or would be; nil where nothing says it.
    func schedulerPath(_ settings: Settings) -> String? {
        scheduler ?? settings.mailShare.map { "\($0)/scheduler.conf" }
    }

    /// Whether there is one, or one was named: a site that only routes has none.
    func hasScheduler(_ settings: Settings) -> Bool {
        guard let path = schedulerPath(settings) else { return false }
        return scheduler != nil || !FileIdentity.isMissing(at: path)
    }
}

/// What the files of a site say.
package struct SiteConfiguration: Sendable {
    /// What zmailer.conf and the files beside it say.
    package let settings: Settings
    /// The maps; nil where there is no dbases.conf to be found.
    package let site: Site?
    /// What scheduler.conf says; nil for a site that only routes.
    package let plan: DeliveryPlan?
    /// What is wrong with any of them.
    package let findings: [Finding]
}

extension Finding.Name {
    /// A setting that a site cannot do without.
    static let missingSetting = Finding.Name("missing-setting")
}
