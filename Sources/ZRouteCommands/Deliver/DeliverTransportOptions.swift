// The options that say which servers deliver goes to.

import ArgumentParser
import Configuration
import Delivery

/// scheduler.conf, or one server.
struct TransportOptions: ParsableArguments, Sendable {
    @Option(help: ArgumentHelp("Deliver all LMTP channels to this server.", valueName: "UNIX:/path|host:port"))
    var lmtp: String?

    @Option(
        name: .customLong("lmtp-options"), parsing: .unconditional,
        help: ArgumentHelp(
            "Options of the smtp command for that server, such as '-S FILE -A FILE'.", valueName: "options"))
    var lmtpOptions: String = ""

    @Option(help: "The most connections to that server.")
    var connections = DeliveryPlan.defaultConnections

    func validate() throws {
        guard lmtp != nil || lmtpOptions.isEmpty else {
            throw ValidationError(
                "--lmtp-options goes with --lmtp; other servers have their options in scheduler.conf.")
        }
        guard (1...10_000).contains(connections) else {
            throw ValidationError("--connections is a number from 1 to 10000.")
        }
        if let lmtp, Endpoint(lmtp) == nil {
            throw ValidationError("--lmtp is neither UNIX:/path nor host:port: '\(lmtp)'.")
        }
    }

    /// What is to be done for each channel and host.
    ///
    /// - Throws: `ConfigurationError`.
    func plan(_ site: SiteOptions, settings: Settings, log: LogForm) throws -> DeliveryPlan {
        if let endpoint = lmtp.flatMap({ Endpoint($0) }) {
            if let named = site.scheduler { try Self.judge(SchedulerConf(reading: named), settings, log) }
            var parameters = SchedulerParameters()
            parameters.maximumPerEndpoint = connections
            return DeliveryPlan(
                .single(endpoint, options: lmtpOptions, parameters: parameters), settings: settings,
                report: { DiagnosticLog(log).say($0, .warning) })
        }
        guard let file = site.scheduler ?? settings.mailShare.map({ "\($0)/scheduler.conf" }) else {
            throw settings.missing(
                "MAILSHARE",
                "scheduler.conf, which names the servers, is looked for there; set it, name the file with --scheduler, or"
                    + " name one server with --lmtp UNIX:/path or --lmtp host:port")
        }
        let conf = SchedulerConf(reading: file)
        try Self.judge(conf, settings, log)
        return DeliveryPlan(
            .scheduler(conf), settings: settings, report: { DiagnosticLog(log).say($0, .warning) })
    }

    /// Says what is wrong with a scheduler.conf: one that is named and not needed is as wrong as one that is.
    private static func judge(_ conf: SchedulerConf, _ settings: Settings, _ log: LogForm) throws {
        let findings = (conf.findings + conf.unsetVariables(settings.variables)).inOrderOfLines
        if let error = ConfigurationError(findings) { throw error }
        for finding in findings { DiagnosticLog(log).say(Diagnosis(finding: finding)) }
    }
}
