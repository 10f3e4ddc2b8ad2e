// The entry point that libFuzzer calls. Which target is fuzzed the program's name says: fuzz-address and so on.

import FuzzTargets

private let target: FuzzTarget = {
    let program = CommandLine.arguments[0].split(separator: "/").last ?? ""
    let name = String(program.dropFirst("fuzz-".utf8.count))
    guard let target = FuzzTarget(rawValue: name) else { fatalError("no target '\(name)'") }
    return target
}()

/// Runs the target on one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    target.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}
