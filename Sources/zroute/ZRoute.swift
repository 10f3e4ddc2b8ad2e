// The program: the entry point and nothing else.

import ZRouteCommands

@main
struct ZRoute {
    static func main() {
        ZRouteCommand.run(process: CommandLine.arguments)
    }
}
