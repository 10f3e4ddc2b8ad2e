// `zroute config`: every setting in effect and where it comes from, the maps, the channels, and every file that was read or
// looked for.

import ArgumentParser
import Check
import Configuration

/// Prints the configuration in effect.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "config",
        abstract: "Show every setting in effect and where it comes from.",
        discussion: """
            The text is a zmailer.conf that sets all of it to the same values: what is no setting, and where each comes \
            from, stands in remarks. The maps of dbases.conf, the channels of scheduler.conf and all files that were read \
            or looked for follow. No map is read.

            The exit status is 0, or 78 if something in the files cannot be used, which is said on standard error; what is \
            shown then is what would be in effect without it.

            Examples:

              # All that is in effect, and where each setting comes from.
              zroute config
              # Only what is not at its default, or one setting.
              zroute config -n
              zroute config lookuptimeout
            """)

    /// The forms of output.
    enum Format: KeywordOption {
        case text
        case json

        static let choices = [(word: "text", choice: Format.text), ("json", .json)]
    }

    @OptionGroup var site: SiteOptions

    @Option(help: "The form of the output: text or json.")
    var format = Format.text

    @Flag(name: [.customShort("n"), .customLong("changed")], help: "Only the settings that are not at their defaults.")
    var isOnlyChanged = false

    @Argument(help: ArgumentHelp("Only these settings.", valueName: "name"))
    var names: [String] = []

    func run() throws {
        let inventory = SiteInventory(site.files)
        let log = DiagnosticLog(site.log.form)
        for finding in inventory.findings { log.say(Diagnosis(finding: finding)) }
        let settings = try settings(of: inventory, log)
        var output = OutputStream(descriptor: 1)
        switch format {
        case .text: output.write(ConfigText(inventory, settings, isWhole: names.isEmpty && !isOnlyChanged).text)
        case .json:
            ConfigJSON(inventory, settings, isWhole: names.isEmpty && !isOnlyChanged).append { output.write($0) }
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        if let error = ConfigurationError(inventory.findings) { throw ExitCode(unusableConfiguration: error) }
    }

    private func settings(
        of inventory: SiteInventory, _ log: borrowing DiagnosticLog
    ) throws -> [EffectiveSetting] {
        let all = inventory.settings.effective
        var chosen = all
        if !names.isEmpty {
            let known = all + inventory.settings.otherVariables
            chosen = []
            for name in names {
                guard let setting = known.first(where: { $0.name == name }) else {
                    log.say("no setting has the name '\(name)'\(suggestion(for: name, among: known.map(\.name)))")
                    throw ExitCode.usage
                }
                chosen.append(setting)
            }
        }
        return isOnlyChanged ? chosen.filter { $0.origin != .standard } : chosen
    }
}
