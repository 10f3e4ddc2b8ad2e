// swift-tools-version: 6.2
import PackageDescription

/// The commit that `make` builds: hexadecimal digits, and `-dirty`.
let commit = (Context.environment["ZROUTE_COMMIT"] ?? "").filter { $0 == "-" || $0.isLetter || $0.isNumber }

let package = Package(
    name: "zroute",
    products: [
        .executable(name: "zroute", targets: ["zroute"]),
        .library(name: "ZRoute", targets: ["ZRoute"]),
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
        .systemLibrary(name: "CLinux"),
        .target(
            name: "CBuild", publicHeadersPath: ".", cSettings: [.define("ZROUTE_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "Bytes", dependencies: ["CMessageDigest"]),
        .target(name: "System", dependencies: ["Bytes", "CLinux"]),
        .target(name: "MailSyntax", dependencies: ["Bytes"]),
        .target(name: "Configuration", dependencies: ["Bytes", "MailSyntax", "System"]),
        .target(name: "Maps", dependencies: ["Bytes", "CLinux", "Configuration", "System"]),
        .target(
            name: "BerkeleyDB", dependencies: ["Bytes", "CBerkeleyDB", "Configuration", "Maps", "System"],
            path: "Sources/BackEnds/BerkeleyDB"),
        .target(
            name: "ZRouteTestKit", dependencies: ["Configuration", "LMTP", "Maps", "Routing", "Site", "Spool"]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "BerkeleyDB", "Configuration", "Bytes", "Delivery", "LMTP", "LookupProtocols", "MailSyntax", "System",
                "Maps", "Routing", "Serve", "Site", "Spool",
            ],
            path: "Fuzz/Targets"),
        .target(name: "Routing", dependencies: ["Configuration", "Bytes", "MailSyntax", "System", "Maps"]),
        .systemLibrary(name: "CCDB", providers: [.apt(["libcdb-dev"])]),
        .target(
            name: "CDB", dependencies: ["Bytes", "CCDB", "Configuration", "Maps", "System"],
            path: "Sources/BackEnds/CDB"),
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .target(
            name: "LMDB", dependencies: ["Bytes", "CLMDB", "Configuration", "Maps", "System"],
            path: "Sources/BackEnds/LMDB"),
        .target(name: "MapDescriptions", dependencies: ["Bytes", "Configuration", "Maps", "System"]),
        .systemLibrary(name: "CLDAP"),
        .target(
            name: "LDAP", dependencies: ["Bytes", "CLDAP", "Configuration", "MapDescriptions", "Maps", "System"],
            path: "Sources/BackEnds/LDAP"),
        .systemLibrary(name: "CSQLite"),
        .target(
            name: "SQLite", dependencies: ["Bytes", "CSQLite", "Configuration", "MapDescriptions", "Maps", "System"],
            path: "Sources/BackEnds/SQLite"),
        .target(
            name: "PostgreSQL", dependencies: ["Bytes", "Configuration", "MapDescriptions", "Maps", "System"],
            path: "Sources/BackEnds/PostgreSQL"),
        .target(
            name: "Socketmap", dependencies: ["Bytes", "Configuration", "LookupProtocols", "Maps", "System"],
            path: "Sources/BackEnds/Socketmap"),
        .target(
            name: "Site",
            dependencies: [
                "BerkeleyDB", "CDB", "Configuration", "LDAP", "LMDB", "Maps", "PostgreSQL", "Routing", "SQLite",
                "Socketmap",
            ]),
        .target(name: "Spool", dependencies: ["CFileAttributes", "Bytes", "MailSyntax", "System"]),
        .target(
            name: "QueueRouting",
            dependencies: ["Configuration", "Bytes", "MailSyntax", "System", "Maps", "Routing", "Spool"]),
        .target(name: "Service", dependencies: ["Bytes", "Configuration", "System"]),
        .target(name: "LMTP", dependencies: ["Bytes", "MailSyntax"]),
        .target(
            name: "MailSubmission",
            dependencies: ["Bytes", "LMTP", "MailSyntax", "QueueRouting", "Spool", "System"]),
        .target(
            name: "Delivery",
            dependencies: [
                "CMessageDigest", "Configuration", "System", "LMTP", "Bytes", "MailSyntax", "Spool",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        .target(
            name: "Sink",
            dependencies: [
                "Bytes", "MailSyntax", "System", "LMTP", "Service",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(name: "LookupProtocols", dependencies: ["Bytes"]),
        .target(
            name: "Serve",
            dependencies: [
                "Bytes", "CLinux", "Configuration", "Delivery", "LMTP", "LookupProtocols", "MailSubmission",
                "MailSyntax",
                "Maps", "QueueRouting", "Routing",
                "Service", "Site", "Spool", "System",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Check",
            dependencies: [
                "Bytes", "Configuration", "Delivery", "LMTP", "MailSyntax", "Maps", "QueueRouting", "Routing", "Site",
                "Spool", "System",
            ]),
        .target(name: "ZRoute", dependencies: ["Configuration", "Maps", "Routing", "Site"]),
        .target(
            name: "ZRouteCommands",
            dependencies: [
                "BerkeleyDB", "CBuild", "Check", "Site", "QueueRouting", "Configuration", "Delivery", "System", "LMTP",
                "Bytes", "MailSyntax", "Maps", "Routing",
                "LookupProtocols", "MailSubmission", "Serve", "Service", "Sink", "Spool",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "zroute", dependencies: ["ZRouteCommands"], exclude: ["Link"],
            linkerSettings: [
                // A program exports nothing, and what is not exported can be left out. At a fixed address its metadata need
                // not be relocated at each start. Code that is the same is kept once (ARCHITECTURE.md, Decisions). Frames and
                // their index are for exceptions of C++, which nothing here throws (Link/sections.ld).
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=all", "-Xlinker",
                        "--no-eh-frame-hdr", "-Xlinker", "-T", "-Xlinker",
                        Context.packageDirectory + "/Sources/zroute/Link/sections.ld", "-Xclang-linker",
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
            name: "lmtp-front",
            dependencies: ["Configuration", "Delivery", "Maps", "Routing", "Serve", "Service", "Site"],
            path: "Benchmarks/Front"),
        .executableTarget(
            name: "map-lookups", dependencies: ["Bytes", "Configuration", "Maps", "Site", "System"],
            path: "Benchmarks/Lookups"),
        .executableTarget(
            name: "nio-floor",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Benchmarks/NIOFloor"),
        .executableTarget(
            name: "BenchmarkHello", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Hello"),
        .testTarget(
            name: "CheckTests",
            dependencies: [
                "Bytes", "Check", "Configuration", "Maps", "Routing", "Site", "Spool", "System", "ZRouteTestKit",
                "zroute",
            ]),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "ZRouteTestKit"]),
        .testTarget(
            name: "CDBTests",
            dependencies: ["Bytes", "CDB", "Configuration", "Maps", "Site", "System", "ZRouteTestKit", "zroute"]),
        .testTarget(
            name: "LDAPTests",
            dependencies: ["Bytes", "Configuration", "LDAP", "Maps", "System", "ZRouteTestKit", "zroute"]),
        .testTarget(
            name: "LMDBTests",
            dependencies: [
                "BerkeleyDB", "Bytes", "Configuration", "LMDB", "Maps", "Site", "System", "ZRouteTestKit", "zroute",
            ]),
        .testTarget(
            name: "SQLiteTests",
            dependencies: ["Bytes", "Configuration", "Maps", "SQLite", "System", "ZRouteTestKit", "zroute"]),
        .testTarget(
            name: "PostgreSQLTests",
            dependencies: ["Bytes", "Configuration", "Maps", "PostgreSQL", "Site", "System", "ZRouteTestKit", "zroute"]),
        .testTarget(
            name: "SocketmapTests",
            dependencies: [
                "Bytes", "Configuration", "LookupProtocols", "Maps", "Socketmap", "System", "ZRouteTestKit", "zroute",
            ]),
        .testTarget(name: "DocumentationTests", dependencies: ["ZRouteTestKit", "zroute"]),
        .testTarget(name: "PackagingTests", dependencies: ["ZRouteTestKit", "zroute"]),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"]),
        .testTarget(name: "MailSyntaxTests", dependencies: ["Bytes", "MailSyntax"]),
        .testTarget(
            name: "MapsTests",
            dependencies: [
                "Configuration", "Bytes", "MailSyntax", "System", "BerkeleyDB", "Site", "Maps", "ZRouteTestKit",
            ]),
        .testTarget(
            name: "RoutingTests",
            dependencies: [
                "Configuration", "Bytes", "MailSyntax", "System", "BerkeleyDB", "Site", "Maps", "Routing",
                "ZRouteTestKit", "zroute",
            ]),
        .executableTarget(
            name: "SpoolFaultRunner", dependencies: ["System", "Spool"], path: "Tests/SpoolFaultRunner"),
        .testTarget(
            name: "SpoolTests",
            dependencies: ["CFileAttributes", "System", "Spool", "SpoolFaultRunner", "ZRouteTestKit"]),
        .executableTarget(
            name: "SubmissionFaultRunner", dependencies: ["MailSubmission", "Spool", "System"],
            path: "Tests/SubmissionFaultRunner"),
        .testTarget(
            name: "MailSubmissionTests",
            dependencies: [
                "Bytes", "LMTP", "MailSubmission", "MailSyntax", "Spool", "SubmissionFaultRunner", "System",
                "ZRouteTestKit", "zroute",
            ]),
        .testTarget(name: "ZRouteTests", dependencies: ["ZRoute", "ZRouteTestKit"]),
        .testTarget(name: "CommandTests", dependencies: ["ZRouteTestKit", "zroute"]),
        .executableTarget(
            name: "QueueRoutingRunner",
            dependencies: [
                "QueueRouting", "Configuration", "System", "BerkeleyDB", "Site", "Maps", "Routing", "Spool",
            ],
            path: "Tests/QueueRoutingRunner"),
        .testTarget(
            name: "QueueRoutingTests",
            dependencies: [
                "QueueRouting", "QueueRoutingRunner", "Configuration", "Bytes", "MailSyntax", "System", "BerkeleyDB",
                "Site", "Maps",
                "Routing", "Spool",
                "ZRouteTestKit", "zroute",
            ]),
        .executableTarget(name: "ServiceRunner", dependencies: ["Service"], path: "Tests/ServiceRunner"),
        .testTarget(
            name: "ServiceTests", dependencies: ["Service", "ServiceRunner", "System", "ZRouteTestKit", "zroute"]),
        .testTarget(
            name: "ServeTests",
            dependencies: [
                "Bytes", "Configuration", "Delivery", "LMTP", "LookupProtocols", "Maps", "Routing", "Serve", "Service",
                "Site", "Spool", "System", "ZRouteTestKit", "zroute",
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .testTarget(name: "LMTPTests", dependencies: ["System", "LMTP", "Bytes", "MailSyntax", "ZRouteTestKit"]),
        .executableTarget(
            name: "DeliveryFaultRunner", dependencies: ["Configuration", "Delivery", "Spool"],
            path: "Tests/DeliveryFaultRunner"),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "Configuration", "Delivery", "DeliveryFaultRunner", "System", "LMTP", "Bytes", "MailSyntax", "Service",
                "Sink", "Spool", "ZRouteTestKit", "zroute",
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
    // What runs once for a command, and not once for an address, is made small: the program has a limit of size.
    if [
        "Check", "Configuration", "LDAP", "MailSubmission", "MapDescriptions", "PostgreSQL", "SQLite", "Socketmap",
        "ZRouteCommands",
        "QueueRouting",
        "Service", "Sink", "Spool",
    ].contains(target.name) {
        settings.append(.unsafeFlags(["-Osize"], .when(configuration: .release)))
    }
    target.swiftSettings = (target.swiftSettings ?? []) + settings
}
