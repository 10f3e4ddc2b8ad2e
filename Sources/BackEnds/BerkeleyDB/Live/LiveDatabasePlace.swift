// What a database lives in that a command works with: the environment that its line or the command line names, or none.

import Configuration
import Glibc
package import Maps
import System

/// A database and its environment.
package struct LiveDatabasePlace: LiveMapPlace {
    /// What messages call the map, and its file.
    package let name: TableName
    /// nil for a file outside of any environment.
    package let environment: EnvironmentSettings?
    /// The kind of file to make where there is none.
    private let kind: DatabaseKind
    package let refusal: String?

    /// Finds out which environment a map lives in.
    ///
    /// - Throws: for options that would let the map be opened beside its environment, and for a description of it that cannot
    ///   be read.
    package init(_ request: LiveMapRequest) throws(LiveMapRefusal) {
        name = request.name
        kind = request.type == .bhash ? .hash : .btree
        if let definition = request.definition, let file = definition.environmentFile {
            let settings: EnvironmentSettings
            do throws(ConfigurationError) {
                settings = try EnvironmentSettings(file: file)
            } catch {
                throw .configuration(error)
            }
            try Self.refuse(request, definition, settings)
            environment = settings
        } else if let home = request.home {
            environment = EnvironmentSettings(home: absolutePath(home), mode: request.mode, create: true)
        } else if request.isAlone || request.definition != nil {
            environment = nil
        } else {
            throw .configuration(
                ConfigurationError(
                    file: request.name.file,
                    text: "is in no line of dbases.conf; name its environment's directory with --env, or say --no-env"))
        }
        refusal =
            if environment != nil || request.isAlone {
                nil
            } else if request.definition?.compile.isLive ?? false {
                "is live (-r), but its line in dbases.conf names no environment, so its readers would miss keys while it "
                    + "is changed; name one with -C, or say --no-env if nobody reads it now"
            } else {
                "lives in no environment, so its readers would miss keys while it is changed; compile it with newdb, or "
                    + "say --no-env if nobody reads it now"
            }
    }

    package var hangRemedy: String {
        environment.map { Self.hangRemedy(in: $0) } ?? "the disk does not answer"
    }

    /// What a call that does not return in an environment waits for, and what to do.
    package static func hangRemedy(in environment: EnvironmentSettings) -> String {
        "a killed process probably left the environment \(environment.home) locked; stop its users and run `zroute db recover "
            + "--env \(environment.home)`"
    }

    package func isDamage(_ error: MapError) -> Bool { error.isDamage }

    package func open(
        _ access: LiveMapAccess, observer: (any CallObserver)?
    ) throws(MapError) -> any LiveMap {
        let wanted: LiveDatabase.Access =
            switch access {
            case .read: .read
            // Inside an environment a check takes the right to write.
            case .check: environment == nil ? .read : .write
            case .write: .write
            case .create(let mode): .create(kind, mode: mode)
            }
        return try LiveDatabase(name, environment: environment, access: wanted, observer: observer)
    }

    /// Refuses options that lead past the environment that a map lives in: what is written there is lost.
    private static func refuse(
        _ request: LiveMapRequest, _ definition: MapDefinition, _ settings: EnvironmentSettings
    ) throws(LiveMapRefusal) {
        let line = "\(definition.file):\(definition.line)"
        let map = definition.tablePath ?? definition.relation
        guard !request.isAlone else {
            throw .usage(
                "\(map): lives in the environment \(settings.home) (\(line)): an entry stored without it is lost; leave out "
                    + "--no-env")
        }
        guard let home = request.home else { return }
        let other = try? FileLocation(home)
        guard other != nil, other == (try? FileLocation(settings.home)) else {
            throw .usage("\(map): lives in the environment \(settings.home) (\(line)), not in \(home); leave out --env")
        }
    }
}
