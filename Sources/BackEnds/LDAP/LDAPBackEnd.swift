// Directories as a back end: the type `ldap`, whose maps are asked for at each lookup.

package import Configuration
package import Maps
import System

extension MapType {
    /// A map of a directory server, by a file that describes it.
    package static let ldap = MapType("ldap", .described(suffixes: [".ldap", ".cf", ".conf"]))
}

/// Maps of directory servers.
package struct LDAPBackEnd: MapBackEnd {
    package let types: [MapType] = [.ldap]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory {
        LDAPTables(contents: worker.contents, watch: worker.watch)
    }

    package func findings(about definition: MapDefinition) -> [Finding] {
        LDAPDescription(reading: definition.tablePath ?? "-").findings
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
                return Finding(
                    .unreadableMap, .error, file: definition.file, line: definition.line,
                    text: "\(server): \(error.text); until then mail that needs relation \(definition.relation) is held"
                        + others)
            }
        }
    }

    package func listsEntries(of definition: MapDefinition) -> Bool { false }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        throw MapError(
            table: definition.tableName,
            text: "its entries cannot be listed: a server answers for single keys alone; ask for those that matter, or"
                + " use the type ldapsync")
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

/// The tables of one worker; those of one server and user share a connection with those of all workers.
private struct LDAPTables: TableFactory {
    let contents: SharedContents
    let watch: CallWatch?

    func makeTable(for definition: MapDefinition) -> any Table {
        let path = definition.tablePath ?? "-"
        // Nothing of the process has another content of this name: files are named from the root.
        let directories = contents.content(of: "ldap", isCurrent: { (_: LDAPDirectories) in true }) {
            LDAPDirectories()
        }
        let table = LDAPTable(definition.tableName, describedIn: path, directories, deadline: watch?.health.deadline)
        guard let watch else { return table }
        return WatchedTable(wrapping: table, resource: WatchedResource(.server(path), watch: watch))
    }
}
