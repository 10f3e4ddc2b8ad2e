// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "zroute",
    products: [
        .executable(name: "zroute", targets: ["zroute"]),
        .library(name: "ZRoute", targets: ["MailAddress", "Configuration", "Maps", "Routing"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    ],
    targets: [
        .systemLibrary(name: "CBerkeleyDB", providers: [.apt(["libdb-dev"])]),
        .systemLibrary(name: "CMessageDigest", providers: [.apt(["libmd-dev"])]),
        .systemLibrary(name: "CFileAttributes"),
        .target(name: "MailAddress"),
        .systemLibrary(name: "CLinux"),
        .target(name: "Files", dependencies: ["CLinux"]),
        .target(name: "Configuration", dependencies: ["Files", "MailAddress"]),
        .target(name: "Maps", dependencies: ["CBerkeleyDB", "Configuration", "Files", "MailAddress"]),
        .target(name: "ZRouteTestKit", dependencies: ["Spool"]),
        .target(
            name: "FuzzTargets", dependencies: ["Configuration", "Files", "MailAddress", "Maps", "Routing", "Spool"],
            path: "Fuzz/Targets"),
        .target(name: "Routing", dependencies: ["Configuration", "Files", "MailAddress", "Maps"]),
        .target(name: "Spool", dependencies: ["CFileAttributes", "Files", "MailAddress"]),
        .target(name: "Batch", dependencies: ["Configuration", "Files", "MailAddress", "Maps", "Routing", "Spool"]),
        .target(name: "ServiceManagement", dependencies: ["Configuration", "Files"]),
        .target(name: "LMTP", dependencies: ["MailAddress"]),
        .target(
            name: "Delivery",
            dependencies: [
                "CMessageDigest", "Configuration", "Files", "LMTP", "MailAddress", "ServiceManagement", "Spool",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        .target(
            name: "Sink",
            dependencies: [
                "Files", "MailAddress",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "ZRouteCommands",
            dependencies: [
                "Batch", "Configuration", "Delivery", "Files", "LMTP", "MailAddress", "Maps", "Routing",
                "ServiceManagement", "Sink", "Spool",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "zroute", dependencies: ["ZRouteCommands"], exclude: ["Link"],
            linkerSettings: [
                // A program exports nothing, and what is not exported can be left out. At a fixed address its metadata need
                // not be relocated at each start (ARCHITECTURE.md, Decisions).
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=safe", "-Xclang-linker",
                        "-no-pie", "-L", Context.packageDirectory + "/Sources/zroute/Link", "-Xclang-linker",
                        "-static-libgcc",
                    ], .when(configuration: .release))
            ]),
        .executableTarget(
            name: "lmtp-load",
            dependencies: [
                "Configuration", "Delivery", "LMTP", .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ], path: "Benchmarks/Load"),
        .executableTarget(
            name: "nio-floor",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Benchmarks/NIOFloor"),
        .executableTarget(
            name: "BenchmarkHello", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Hello"),
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
        .testTarget(
            name: "SpoolTests",
            dependencies: ["CFileAttributes", "Files", "Spool", "SpoolFaultRunner", "ZRouteTestKit"]),
        .testTarget(name: "CommandTests", dependencies: ["ZRouteTestKit", "zroute"]),
        .executableTarget(
            name: "BatchRunner", dependencies: ["Batch", "Configuration", "Files", "Maps", "Routing", "Spool"],
            path: "Tests/BatchRunner"),
        .testTarget(
            name: "BatchTests",
            dependencies: [
                "Batch", "BatchRunner", "Configuration", "Files", "MailAddress", "Maps", "Routing", "Spool",
                "ZRouteTestKit", "zroute",
            ]),
        .testTarget(name: "LMTPTests", dependencies: ["Files", "LMTP", "MailAddress"]),
        .executableTarget(
            name: "DeliveryFaultRunner", dependencies: ["Configuration", "Delivery", "Spool"],
            path: "Tests/DeliveryFaultRunner"),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "Configuration", "Delivery", "DeliveryFaultRunner", "Files", "LMTP", "MailAddress", "Sink", "Spool",
                "ZRouteTestKit", "zroute",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
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
