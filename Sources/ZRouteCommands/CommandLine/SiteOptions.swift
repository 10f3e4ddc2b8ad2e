// The options that every command understands: where the configuration is, and what overrides it.

import ArgumentParser
import Check
import Configuration
import Site

/// Where a command finds its site.
struct SiteOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Read this zmailer.conf.", valueName: "file"))
    var config: String?

    @Option(name: .long, help: ArgumentHelp("Read this dbases.conf.", valueName: "file"))
    var dbases: String?

    @Option(name: .long, help: ArgumentHelp("Read this scheduler.conf.", valueName: "file"))
    var scheduler: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Override a setting.", valueName: "NAME=VALUE"))
    var overrides: [Override] = []

    @Option(
        name: .customLong("fail-map"),
        help: ArgumentHelp("Let this map fail, for every key or for one.", valueName: "RELATION[=KEY]"))
    var failures: [MapFailureOption] = []

    @OptionGroup var log: LogOptions

    /// Reads zmailer.conf.
    ///
    /// - Throws: `ConfigurationError` with file and line.
    func settings() throws -> Settings {
        try Settings.load(file: config, overrides: overrides.map { (name: $0.name, value: $0.value) })
    }

    /// The files that the options name.
    var files: SiteFiles {
        SiteFiles(
            config: config, dbases: dbases, scheduler: scheduler,
            overrides: overrides.map { (name: $0.name, value: $0.value) })
    }
}

/// `NAME=VALUE` on the command line.
struct Override: ExpressibleByArgument {
    let name: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
        name = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }
}

/// `RELATION` or `RELATION=KEY` on the command line: a map that is to fail.
struct MapFailureOption: ExpressibleByArgument, Sendable {
    let failure: MapFailure

    init?(argument: String) {
        guard !argument.isEmpty, argument.first != "=" else { return nil }
        guard let equals = argument.firstIndex(of: "=") else {
            failure = MapFailure(relation: argument, key: nil)
            return
        }
        failure = MapFailure(
            relation: String(argument[..<equals]), key: Array(argument[argument.index(after: equals)...].utf8))
    }
}
