// The program: the entry point and nothing else.

import ZRouteCommands

@main
struct ZRoute {
    static func main() {
        ZRouteCommand.main(ZRouteCommand.arguments(of: CommandLine.arguments))
    }
}
