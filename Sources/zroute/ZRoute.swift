// The program: the entry point and nothing else.

import ZRouteCommands

@main
struct Main {
    static func main() {}
}
