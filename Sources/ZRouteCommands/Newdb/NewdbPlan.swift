// What one run of newdb compiles: which lines of dbases.conf, into which files, for whom.

import Configuration
import Glibc
import Maps
import Routing
import Site
import System

/// The maps that a run of newdb compiles or checks, in the order of dbases.conf.
struct NewdbPlan {
    /// One map to compile.
    struct Step {
        let relation: String
        let source: String
        let job: CompileJob
    }

    let steps: [Step]
    let site: Site
    private var databases: DatabasesConf { site.databases }
    private let allowed: AllowedFindings

    /// What cannot be used of the files that lines name beside maps, such as the descriptions of environments.
    var backEndError: ConfigurationError? { ConfigurationError(site.backEndFindings) }

    /// Chooses the maps.
    ///
    /// - Parameters:
    ///   - relations: the relations to compile; all if it is empty.
    ///   - allowed: what is no finding.
    ///   - isCheck: whether text maps, which are read as they are, belong to the plan too.
    /// - Throws: `ConfigurationError` for a relation that has nothing to compile, for an unknown owner, and for two
    ///   lines that compile the same file differently.
    init(
        _ site: Site, relations: [String], allowing allowed: AllowedFindings, isCheck: Bool
    ) throws(ConfigurationError) {
        self.site = site
        let databases = site.databases
        self.allowed = allowed
        let compiled = databases.definitions.filter {
            !$0.compile.isLive && ($0.type.compiledExtension != nil || (isCheck && $0.textForm != nil))
        }
        for relation in relations where !compiled.contains(where: { $0.relation == relation }) {
            let reason =
                databases.relations.contains(relation)
                ? "relation '\(relation)' has no map that newdb compiles; live (-r) and text maps are left alone"
                : "has no relation '\(relation)'\(suggestion(for: relation, among: databases.relations))"
            throw ConfigurationError(file: databases.file, text: reason)
        }
        var steps: [Step] = []
        var definitions: [String: MapDefinition] = [:]
        for definition in compiled where relations.isEmpty || relations.contains(definition.relation) {
            guard let source = definition.source, let target = definition.tablePath else { continue }
            if let first = definitions[target] {
                guard first.compile == definition.compile, first.privilege == definition.privilege else {
                    throw ConfigurationError(
                        file: definition.file, line: definition.line,
                        text: "\(target) is compiled with other options or for another owner on line \(first.line);"
                            + " make the lines alike, or give one of them another file")
                }
                continue
            }
            definitions[target] = definition
            var job = CompileJob(
                source: .file(source.path), form: source.form, folding: source.folding,
                format: site.format(of: definition), base: source.path,
                permissions: try Self.permissions(of: definition))
            job.judge = RelationJudge(definition)
            job.allowed = allowed
            steps.append(Step(relation: definition.relation, source: source.path, job: job))
        }
        self.steps = steps
    }

    /// Warns of files whose owner or mode is not what dbases.conf says, and of sources that everyone may write.
    func sayPrivileges(_ log: borrowing DiagnosticLog) {
        for finding in databases.checkPrivileges() { log.say(Diagnosis(finding: finding)) }
        guard !allowed.contains(.writableByAll) else { return }
        let sources = steps.compactMap { SourcePrivilege.finding(about: $0.source) }
        // Text maps are no part of a run that compiles, but decide as much.
        let texts = databases.checkTextSources().filter { finding in !sources.contains { $0.file == finding.file } }
        for finding in sources + texts { log.say(Diagnosis(finding: finding)) }
    }

    /// Only the superuser can give files away; for anybody else the difference is warned of afterwards.
    private static func permissions(
        of definition: MapDefinition
    ) throws(ConfigurationError) -> CompileJob.Permissions? {
        guard let privilege = definition.privilege else { return nil }
        guard geteuid() == 0 else { return CompileJob.Permissions(mode: privilege.mode) }
        guard let owner = privilege.ownerNumber else {
            throw unknown("user '\(privilege.owner)'", definition)
        }
        guard let group = privilege.groupNumber else {
            throw unknown("group '\(privilege.group)'", definition)
        }
        return CompileJob.Permissions(owner: owner, group: group, mode: privilege.mode)
    }

    private static func unknown(_ whom: String, _ definition: MapDefinition) -> ConfigurationError {
        ConfigurationError(
            file: definition.file, line: definition.line,
            text: "the map is to belong to \(whom), whom the system does not know; correct the line")
    }
}
