// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "zroute",
    products: [
        .executable(name: "zroute", targets: ["zroute"]),
        .library(name: "ZRoute", targets: ["MailAddress", "Configuration", "Maps", "Routing"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "CBerkeleyDB", providers: [.apt(["libdb-dev"])]),
        .target(name: "MailAddress"),
        .target(name: "Files"),
        .target(name: "Configuration", dependencies: ["Files", "MailAddress"]),
        .target(name: "Maps", dependencies: ["CBerkeleyDB", "Configuration", "Files", "MailAddress"]),
        .target(name: "ZRouteTestKit"),
        .target(
            name: "FuzzTargets", dependencies: ["Configuration", "MailAddress", "Maps", "Routing", "Spool"],
            path: "Fuzz/Targets"),
        .target(name: "Routing", dependencies: ["Configuration", "Files", "MailAddress", "Maps"]),
        .target(name: "Spool", dependencies: ["Files", "MailAddress"]),
        .target(name: "Batch", dependencies: ["Configuration", "Files", "MailAddress", "Maps", "Routing", "Spool"]),
        .target(name: "LMTP", dependencies: ["MailAddress"]),
        .target(
            name: "ZRouteCommands",
            dependencies: [
                "Batch", "Configuration", "Files", "MailAddress", "Maps", "Routing", "Spool",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "zroute", dependencies: ["ZRouteCommands"]),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"]),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"]),
        .testTarget(name: "MailAddressTests", dependencies: ["MailAddress"]),
        .testTarget(
            name: "MapsTests", dependencies: ["Configuration", "Files", "MailAddress", "Maps", "ZRouteTestKit"]),
        .testTarget(
            name: "RoutingTests",
            dependencies: ["Configuration", "Files", "MailAddress", "Maps", "Routing", "ZRouteTestKit"]),
        .executableTarget(
            name: "SpoolFaultRunner", dependencies: ["Files", "Spool"], path: "Tests/SpoolFaultRunner"),
        .testTarget(name: "SpoolTests", dependencies: ["Files", "Spool", "SpoolFaultRunner"]),
        .testTarget(name: "CommandTests", dependencies: ["ZRouteTestKit", "zroute"]),
        .executableTarget(
            name: "BatchRunner", dependencies: ["Batch", "Configuration", "Files", "Maps", "Routing", "Spool"],
            path: "Tests/BatchRunner"),
        .testTarget(
            name: "BatchTests",
            dependencies: [
                "Batch", "BatchRunner", "Configuration", "Files", "Maps", "Routing", "Spool", "ZRouteTestKit", "zroute",
            ]),
        .testTarget(name: "LMTPTests", dependencies: ["Files", "LMTP", "MailAddress"]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system && target.type != .binary {
    var settings: [SwiftSetting] = [
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
    if target.type != .test {
        settings.append(.strictMemorySafety())
    }
    target.swiftSettings = (target.swiftSettings ?? []) + settings
}
