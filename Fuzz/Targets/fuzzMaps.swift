// Maps: their configuration and their sources.

import BerkeleyDB
import Configuration
import Maps
import Routing
import Site

func fuzzDatabases(_ bytes: [UInt8]) {
    let variables = Variables(["MAILVAR": "/var", "DBTYPE": "btree"])
    guard
        let databases = try? DatabasesConf(
            bytes, file: "/dbases.conf", variables: variables, types: MapBackEnds.all.types)
    else {
        return
    }
    for relation in databases.relations {
        precondition(!databases.definitions(of: relation).contains { $0.relation != relation })
    }
}

func fuzzSources(_ bytes: [UInt8]) {
    for form in [SourceForm.aliases, .plain] {
        for folding in [KeyFolding.none, .lower, .upper] {
            for relation in ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"] {
                var job = CompileJob(
                    source: .bytes(bytes, name: "input"), form: form, folding: folding,
                    format: BerkeleyDBFormat(.btree), base: "/input")
                var flags = RelationFlags()
                flags.substitutes = true
                job.judge = RelationJudge(relation: relation, flags: flags)
                let report = try? MapCompiler.check(job)
                precondition(report.map { $0.entries >= 0 && $0.findings.errorCount == 0 } ?? true)
            }
        }
    }
}
