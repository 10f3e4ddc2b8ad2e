// Directories as a back end: the type `ldap`, whose maps are asked for at each lookup, and `ldapsync`, whose maps are copied whole.

package import Configuration
package import Maps
import System

extension MapType {
    /// A map of a directory server, by a file that describes it.
    package static let ldap = MapType("ldap", .described(suffixes: [".ldap", ".cf", ".conf"]))
    /// A map of a directory server that is copied and followed, by the same file.
    package static let ldapsync = MapType("ldapsync", .described(suffixes: [".ldap", ".cf", ".conf"]))
}

/// Maps of directory servers.
package struct LDAPBackEnd: MapBackEnd {
    package let types: [MapType] = [.ldap, .ldapsync]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory { LDAPTables(worker) }

    package func findings(about definition: MapDefinition) -> [Finding] {
        let path = definition.tablePath ?? "-"
        let description = LDAPDescription(reading: path)
        guard definition.type == .ldapsync, let question = description.question, question.filter.listing == nil else {
            return description.findings
        }
        return description.findings + [
            Finding(.invalidValue, .error, file: path, text: LDAPCopySource.unlisted)
        ]
    }

    /// Asks each server for the canary and for what else an absence needs.
    package func conditionFindings(of definition: MapDefinition) -> [Finding] {
        guard let question = try? LDAPQuestion(describedIn: definition.tablePath ?? "-") else { return [] }
        return question.access.servers.compactMap { server in
            do throws(LDAPFailure) {
                try question.judge(server)
                return nil
            } catch {
                let others = question.access.servers.count > 1 ? " unless another server answers" : ""
                return .unanswered(definition, "\(server): \(error.text)", exception: others)
            }
        }
    }

    package func listsEntries(of definition: MapDefinition) -> Bool { definition.type == .ldapsync }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        guard definition.type == .ldapsync else {
            throw MapError(
                table: definition.tableName,
                text:
                    "its entries cannot be listed: a server answers for single keys alone; ask for those that matter, or"
                    + " use the type ldapsync")
        }
        do throws(CopyFailure) {
            // In memory alone: whoever looks at a map changes no file.
            let copy = try LDAPCopySource.copy(of: definition, isKept: false, hash: ByteHash())
            while !copy.waitForContact(atMost: .milliseconds(500)) {
                if let failure = copy.status.failure { throw CopyFailure(failure) }
                guard !reader.exchange.isStopped else { return }
                reader.exchange.noteStep()
            }
            var isWanted = true
            try copy.forEach(within: .seconds(30)) { key, value in
                if isWanted { isWanted = reader.take(MapEntry(key: Array(key), value: Array(value))) }
            }
        } catch {
            throw MapError(table: definition.tableName, text: error.text)
        }
    }
}

extension LDAPQuestion {
    /// Asks one server as a lookup would.
    ///
    /// - Throws: where an absence would not be certain.
    fileprivate func judge(_ server: String) throws(LDAPFailure) {
        var alone = access
        alone.servers = [server]
        let limit = LookupTime(deadline: nil)
        let end: UInt64
        do throws(ResourceFailure) { end = try limit.begin() } catch { throw LDAPFailure(.final, error.text) }
        let library: LDAPLibrary
        do throws(SharedLibraryError) { library = try LDAPLibrary() } catch { throw LDAPFailure(error) }
        let connection = try LDAPConnection(server, alone, library, until: end, limit: limit)
        // That no canary is named a finding about the description has said.
        if proof.canary != nil { try prove(over: connection, until: end) }
    }
}

/// The tables of one worker; those of one server and user share a connection.
private struct LDAPTables: TableFactory {
    private let contents: SharedContents
    private let directories: LDAPDirectories
    /// Its number among the workers of the process.
    private let number: Int
    private let watch: CallWatch?
    private let hash: ByteHash

    init(_ worker: MapWorker) {
        contents = worker.contents
        watch = worker.watch
        hash = worker.hash
        // Nothing of the process has another content of this name: files are named from the root.
        directories = contents.content(of: "ldap") { (_: LDAPDirectories) in
            true
        } load: {
            LDAPDirectories()
        }
        number = directories.addWorker()
    }

    func makeTable(for definition: MapDefinition) -> any Table {
        let (name, deadline) = (definition.tableName, watch?.health.deadline)
        if definition.type == .ldapsync {
            let (contents, hash) = (contents, hash)
            return CopyTable(name, hash: hash, deadline: deadline) { () throws(CopyFailure) in
                try contents.copy(of: name) { () throws(CopyFailure) in
                    try LDAPCopySource.copy(of: definition, isKept: true, hash: hash)
                }
            }
        }
        let number = number
        let table = LDAPTable(name, describedIn: name.file, deadline: deadline) { [directories] access in
            directories.directory(access, for: number)
        }
        guard let watch else { return table }
        return WatchedTable(wrapping: table, resource: WatchedResource(.server(name.file), watch: watch))
    }
}
