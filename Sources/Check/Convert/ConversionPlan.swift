// What becomes of each line of a dbases.conf whose maps are to be of another type.

package import Configuration
package import Maps
import Routing
package import Site
import System

/// A map that becomes one of another type.
package struct MapConversion: Sendable, Hashable {
    /// Its line as it is.
    package let old: MapDefinition
    /// The same line as it will be.
    package let new: MapDefinition
    /// The source that is written for a map that had none, and can be changed by nothing else any more; nil for none.
    package let writtenSource: String?

    /// Whether other programs change the map while it is converted.
    package var isLive: Bool { old.compile.isLive || old.environmentFile != nil }
}

/// A map that stays as it is.
package struct UnconvertedMap: Sendable, Hashable {
    /// Its line.
    package let definition: MapDefinition
    /// Why, as the end of a sentence.
    package let reason: String
}

/// Which maps of a site become maps of another type.
package struct ConversionPlan: Sendable {
    /// The site as it is.
    package let site: Site
    /// The type that maps are to have.
    package let type: MapType
    /// What is converted, in the order of the lines.
    package private(set) var conversions: [MapConversion] = []
    /// What is not.
    package private(set) var unconverted: [UnconvertedMap] = []
    /// Why nothing can be converted.
    package private(set) var mistakes: [ConfigurationError] = []

    /// What a plan is made for.
    package struct Wish: Sendable {
        /// The type that maps are to have.
        package var type: MapType
        /// The relations whose maps are converted; all where it is empty.
        package var relations: [String] = []
        /// The description of the environment of live maps that need one.
        package var environmentFile: String?
        /// Whether files that are there already are replaced.
        package var replacesFiles = false

        /// All maps of a site.
        package init(_ type: MapType) { self.type = type }
    }

    /// Decides about each line.
    package init(_ site: Site, _ wish: Wish) {
        self.site = site
        type = wish.type
        let databases = site.databases
        for relation in wish.relations where !databases.relations.contains(relation) {
            mistakes.append(
                ConfigurationError(
                    file: databases.file,
                    text: "has no relation '\(relation)'\(suggestion(for: relation, among: databases.relations))"))
        }
        for definition in databases.definitions {
            guard let path = definition.path, definition.type != .none else { continue }
            guard wish.relations.isEmpty || wish.relations.contains(definition.relation) else {
                leave(definition, "it was not asked for")
                continue
            }
            guard definition.type != wish.type else {
                leave(definition, "it is of that type already")
                continue
            }
            guard definition.type.compiledExtension != nil || definition.textForm != nil else {
                leave(definition, "its entries are another program's")
                continue
            }
            convert(definition, path, wish)
        }
        findConflicts(wish)
    }

    private mutating func leave(_ definition: MapDefinition, _ reason: String) {
        unconverted.append(UnconvertedMap(definition: definition, reason: reason))
    }

    private mutating func refuse(_ definition: MapDefinition, _ text: String) {
        mistakes.append(ConfigurationError(file: definition.file, line: definition.line, text: text))
    }

    private mutating func convert(_ old: MapDefinition, _ path: String, _ wish: Wish) {
        let isLive = old.compile.isLive || old.environmentFile != nil
        var flags = old.flags
        flags.environmentFile = nil
        var compile = old.compile
        var source: String?
        if isLive {
            if wish.type.livesInEnvironments {
                guard let environment = wish.environmentFile else {
                    return refuse(
                        old,
                        "\(old.relation) is live, and live maps of type \(wish.type.name) live in an environment; name its"
                            + " description with --env FILE (docs/live-maps.md), or leave the relation out")
                }
                flags.environmentFile = environment
            } else if !wish.type.isChangedInPlace {
                // What can only be replaced needs a source from which it is replaced.
                let isList = [RelationName.aliases, .fqdnaliases].contains { $0.rawValue == old.relation }
                compile = CompileOptions(folding: flags.folding, isAliases: isList && flags.folding == .lower)
                source = path
            }
        }
        let new = MapDefinition(
            relation: old.relation, type: wish.type, privilege: old.privilege, compile: compile, path: path,
            flags: flags,
            file: old.file, line: old.line)
        conversions.append(MapConversion(old: old, new: new, writtenSource: source))
    }

    /// Finds files that are there already, and such as two lines would write.
    private mutating func findConflicts(_ wish: Wish) {
        for (index, conversion) in conversions.enumerated() {
            guard let target = conversion.new.tablePath else { continue }
            if let other = conversions[..<index].first(where: { $0.new.tablePath == target }),
                other.old.tablePath != conversion.old.tablePath
            {
                refuse(
                    conversion.old,
                    "\(target) would be made of \(conversion.old.tablePath ?? "-") and, for line \(other.old.line), of"
                        + " \(other.old.tablePath ?? "-"); give one of the lines another file first")
            }
            let isRead = wish.type.compiledExtension == nil && conversion.writtenSource == nil
            for written in Set([isRead ? nil : target, conversion.writtenSource].compactMap { $0 }).sorted()
            where !FileIdentity.isMissing(at: written) {
                if let user = site.databases.definitions.first(where: { $0.tablePath == written }) {
                    refuse(
                        conversion.old,
                        "\(written) would be written, which line \(user.line) reads; give one of them another file first"
                    )
                } else if !wish.replacesFiles {
                    refuse(
                        conversion.old,
                        "\(written) would be written, and is there already; move it away, or say --replace if nobody uses it"
                    )
                }
            }
            if isRead, FileIdentity.isMissing(at: target) {
                refuse(
                    conversion.old,
                    "\(target), the source of the map, is not there, and a map of type \(wish.type.name) is read from it; write it"
                        + " (`zroute db dump \(conversion.old.relation)` shows the entries)")
            }
        }
    }
}
