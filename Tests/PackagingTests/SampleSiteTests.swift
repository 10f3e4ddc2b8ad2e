// The site to begin with: once its one file is edited nothing is wrong with it, and mail gets to the store.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct SampleSiteTests {
    @Test func mailIsDeliveredOnceOneFileIsEdited() throws {
        let place = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: "\(SourceTree.root)/contrib/site", toPath: place.file("site"))
        for directory in ["router", "transport", "queue", "postman"] {
            try FileManager.default.createDirectory(
                atPath: place.file("spool/\(directory)"), withIntermediateDirectories: true)
        }
        // The paths are another's here; the domain and the socket are what is edited.
        let settings = String(decoding: try place.read("site/zmailer.conf"), as: UTF8.self)
        let edited = [
            ("/etc/zmailer", place.file("site")), ("/var/spool/postoffice", place.file("spool")),
            ("hostname=example.org", "hostname=site.example"), ("/run/dovecot/lmtp", place.file("lmtp")),
        ].reduce(settings) { text, edit in
            #expect(text.contains(edit.0), "\(edit.0)")
            return text.replacing(edit.0, with: edit.1)
        }
        try place.write(edited, to: "site/zmailer.conf")
        let site = ["--config", place.file("site/zmailer.conf")]
        let program = try Programs.zroute.get()

        let store = try RunningProgram(
            program, ["lmtp-sink", "--socket", place.file("lmtp"), "--maildir", place.file("mail")])
        defer {
            store.send(SIGTERM)
            _ = store.wait()
        }
        #expect(try holds { FileManager.default.fileExists(atPath: place.file("lmtp")) })

        let checked = try runCommand(program, ["check", "--probe"] + site)
        #expect(checked.status == 0, "\(checked.text)\(checked.errorText)")
        let sent = try runCommand(
            program, ["deliver", "--from", "a@far.example", "--to", "ann+lists@site.example"] + site,
            input: Array("Subject: hello\n\nUntil tomorrow.\n".utf8))
        #expect(sent.status == 0, "\(sent.text)\(sent.errorText)")
        #expect(sent.text.contains("delivered"))
        // What is no domain of the site waits for a server, and is not bounced.
        let other = try runCommand(program, ["route-test", "--format", "tsv", "ann@far.example"] + site)
        #expect(other.text.contains("\tsmtp!far.example!"), "\(other.text)")
    }
}
