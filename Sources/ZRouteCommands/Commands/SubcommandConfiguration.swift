// How subcommands describe themselves: they run by themselves, but messages name them as parts of the program.

import ArgumentParser

extension CommandConfiguration {
    /// A subcommand's configuration, complete by itself: it may run without the root command around it.
    ///
    /// - Parameters:
    ///   - name: the subcommand's name.
    ///   - abstract: what it does, in one line.
    ///   - discussion: what its help says besides.
    ///   - subcommands: its own subcommands.
    init(
        subcommand name: String, abstract: String, discussion: String = "", subcommands: [any ParsableCommand.Type] = []
    ) {
        self.init(
            commandName: name, abstract: abstract, discussion: discussion, version: ZRouteCommand.version,
            subcommands: subcommands)
        // Without the root command, messages would show the subcommand's name alone.
        _superCommandName = "zroute"
    }
}
