// An option's choice among a few words. ArgumentParser could derive this from a CaseIterable enum, but looks its
// conformances up at run time, at some 150,000 instructions each, at every start of the program.

import ArgumentParser
import Glibc

/// One of a few words on the command line.
protocol KeywordOption: ExpressibleByArgument, Equatable, Sendable {
    /// Each word with what it stands for.
    static var choices: [(word: String, choice: Self)] { get }
}

extension KeywordOption {
    init?(argument: String) {
        guard let found = Self.choices.first(where: { $0.word == argument }) else { return nil }
        self = found.choice
    }

    static var allValueStrings: [String] { choices.map { $0.word } }

    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

    var defaultValueDescription: String {
        Self.choices.first { $0.choice == self }?.word ?? ""
    }
}

// How many threads are worth having.

/// The number of processors that are at work in this machine, at least 1.
func onlineProcessors() -> Int {
    max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
