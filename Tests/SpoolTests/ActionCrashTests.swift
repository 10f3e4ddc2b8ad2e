// Kills, or fails, what an administrator does with a queue at each of its file operations in turn. Then it is done again, or the
// mail system goes on without it; in the end every recipient has got his message exactly once, or nobody has it who should not.

import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct ActionCrashTests {
    enum Action: String, CaseIterable, Sendable {
        case hold, release, retry, remove, resubmit
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let action: Action
        let mode: String
        /// Whether it is done again after the fault, or mail is delivered first.
        let isRepeated: Bool
        var testDescription: String { "\(action) \(mode)\(isRepeated ? ", again" : ", mail goes on")" }

        static let all = Action.allCases.flatMap { action in
            ["kill", "\(ENOSPC)", "\(EIO)"].flatMap { mode in
                [true, false].map { Case(action: action, mode: mode, isRepeated: $0) }
            }
        }
    }

    @Test(arguments: Case.all) func nothingIsLostAndNothingDoubled(_ scene: Case) throws {
        var number = 0
        while true {
            let spool = try Self.spool(for: scene.action)
            let about = "\(scene) at \(number)"
            let first = try Self.run(spool, mode: scene.mode, number: number, scene.action.rawValue)
            try Self.checkPlaces(spool, about)
            if !scene.isRepeated { try Self.runSoundly(spool, nil, about) }
            if scene.action == .remove, !scene.isRepeated { try Self.checkAllOrNobody(spool, about) }
            try Self.runSoundly(spool, scene.action.rawValue, about)
            try Self.finish(spool, scene, about)
            if first.status == 0, (Int(first.text.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print("ActionCrashTests: \(scene.testDescription): \(number) fault points, none lost, none doubled")
        #expect(number > 10)
    }

    // MARK: The spool

    /// A spool with a message that is routed; one whose recipient another was split off from, which it does not know yet; one whose
    /// submission is still there; one that is not routed; and one in postman, mended.
    private static func spool(for action: Action) throws -> TestSpool {
        let spool = try TestSpool()
        func routed(_ name: String, _ recipients: [(String, String)]) throws -> MessageName {
            try spool.write("from <a@b>\nto <x@x>\nenv-end\n\nbody\n", "router/\(name)")
            let claim = try #require(try spool.claim(name))
            let control = try draft(bodyOffset: 29, recipients: recipients).file(name: claim.message)
            #expect(try spool.postOffice().commit([.init(claim: claim, control: control)]) == [.committed])
            return claim.message
        }
        _ = try routed("1", [("smtp-lmtp", "now1"), ("smtp-lmtp", "now2")])
        let split = try routed("2", [("smtp-lmtp", "now3"), ("hold", "heldnow1")])
        guard case .opened(var message) = try spool.postOffice().open(split) else { throw CommandFailure("not opened") }
        let offset = try #require(message.contents.recipients.last?.offset)
        _ = try message.takeOver(
            recipientsAt: [offset], into: draft(bodyOffset: 29, recipients: [("smtp-lmtp", "keep-heldnow1")]))
        _ = consume message
        var bytes = try spool.read("transport/\(split)")
        bytes[offset + 1] = UInt8(ascii: " ")
        try spool.write(bytes, "transport/\(split)")
        let left = try routed("3", [("smtp-lmtp", "now5")])
        #expect(link("\(spool.path)/queue/\(left)", "\(spool.path)/router/\(left)") == 0)
        try spool.write("from <a@b>\nto <now6@x>\nenv-end\n\nbody\n", "router/4")
        try spool.write("from <a@b>\nto <now7@x>\nenv-end\n\nbody\n", "postman/5")
        try spool.write("line 1: unknown envelope line\n", "postman/5.reason")
        if action == .release { try runSoundly(spool, "hold", "before") }
        return spool
    }

    private static let routed = [["now1", "now2"], ["now3"], ["keep-heldnow1"], ["now5"]]

    // MARK: Checks

    /// A message is in one place, and its body is there.
    private static func checkPlaces(_ spool: TestSpool, _ about: String) throws {
        let names = try spool.names("transport").filter { !$0.hasPrefix(".retry-") }
        let bodies = Set(try spool.names("queue"))
        let messages = names.map { $0.hasPrefix(".hold-") ? String($0.dropFirst(6)) : $0 }
        #expect(Set(messages).count == messages.count, "\(about): \(names)")
        for name in messages {
            #expect(bodies.contains(name) || bodies.contains(".finished-\(name)"), "\(about): \(name)")
        }
    }

    /// Of a message that was to be removed all recipients have it, or none.
    private static func checkAllOrNobody(_ spool: TestSpool, _ about: String) throws {
        let got = try ledger(spool)
        #expect(Set(got).count == got.count, "\(about): twice: \(got)")
        for users in routed + [["now6"]] {
            let count = users.count { got.contains($0) }
            #expect(count == 0 || count == users.count, "\(about): \(users) of \(got)")
        }
    }

    private static func finish(_ spool: TestSpool, _ scene: Case, _ about: String) throws {
        let onHold = try spool.names("transport").filter { $0.hasPrefix(".hold-") }
        if scene.action == .hold {
            #expect(scene.isRepeated ? onHold.count == 4 : onHold.count <= 4, "\(about): \(onHold)")
            if scene.isRepeated {
                // Nobody works on what is on hold.
                try runSoundly(spool, nil, about)
                #expect(try ledger(spool) == ["now6"], "\(about)")
                #expect(try spool.names("transport").filter { $0.hasPrefix(".hold-") } == onHold, "\(about)")
            }
            try runSoundly(spool, "release", about)
        } else {
            #expect(onHold.isEmpty, "\(about)")
        }
        if scene.action == .retry, scene.isRepeated {
            #expect(try spool.names("transport").count { $0.hasPrefix(".retry-") } == 4, "\(about)")
        }
        try runSoundly(spool, nil, about)
        for directory in ["router", "transport", "queue"] {
            let names = try spool.names(directory)
            #expect(names.isEmpty, "\(about): \(directory)/ \(names)")
        }
        let aside = try spool.names("postman")
        switch scene.action {
        case .remove:
            #expect(aside.isEmpty, "\(about): postman/ \(aside)")
            if scene.isRepeated { #expect(try ledger(spool).isEmpty, "\(about)") }
        case .resubmit:
            #expect(aside.isEmpty, "\(about): postman/ \(aside)")
            #expect(try ledger(spool) == (routed.flatMap(\.self) + ["now6", "now7"]).sorted(), "\(about)")
        case .hold, .release, .retry:
            #expect(aside == ["5", "5.reason"], "\(about): postman/ \(aside)")
            #expect(try ledger(spool) == (routed.flatMap(\.self) + ["now6"]).sorted(), "\(about)")
        }
    }

    private static func ledger(_ spool: TestSpool) throws -> [String] {
        guard try spool.names(".").contains("ledger") else { return [] }
        return try spool.text("ledger").split(separator: "\n").map(String.init).sorted()
    }

    // MARK: Running

    /// Runs an action, or a mail system where that is nil, to its end.
    private static func runSoundly(_ spool: TestSpool, _ action: String?, _ about: String) throws {
        let result = try run(spool, mode: "none", number: 0, action)
        #expect(result.status == 0 && !result.text.contains("error"), "\(about): \(action ?? "mail"): \(result.text)")
    }

    private static func run(
        _ spool: TestSpool, mode: String, number: Int, _ action: String?
    ) throws -> CommandResult {
        try runCommand(
            try Programs.path("SpoolFaultRunner"),
            [spool.path, mode, "\(number)", "\(spool.path)/ledger"] + (action.map { [$0] } ?? []))
    }
}
