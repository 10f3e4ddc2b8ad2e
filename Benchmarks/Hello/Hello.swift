// The smallest program with swift-argument-parser: what the start of zroute is measured against.

import ArgumentParser

@main
struct Hello: ParsableCommand {
    @Argument(help: "Who is greeted.")
    var name: String

    func run() {
        print("Hello, \(name).")
    }
}
