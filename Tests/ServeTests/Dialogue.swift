// Plays what a client sends against a protocol, in pieces, and answers each request with its map and key.

import LookupProtocols
import Serve

enum Dialogue {
    /// What the protocol says to a client that sends a text in pieces of a size.
    static func play(
        _ dialogue: some LookupDialogue, _ text: String, pieces: Int = .max, status: LookupStatus = .found
    ) -> String {
        var dialogue = dialogue
        var (input, output): ([UInt8], [UInt8]) = ([], [])
        var position = 0
        var request = LookupRequest()
        var rest = Array(text.utf8)[...]
        var isClosed = false
        while !rest.isEmpty, !isClosed {
            input += rest.prefix(pieces)
            rest = rest.dropFirst(pieces)
            steps: while true {
                switch dialogue.next(input.span, from: &position, into: &request, output: &output) {
                case .incomplete: break steps
                case .close:
                    isClosed = true
                    break steps
                case .request:
                    var reply = LookupReply()
                    reply.begin(status)
                    reply.append(request.map + Array("|".utf8) + request.key)
                    dialogue.reply(reply, to: &output)
                }
            }
        }
        return String(decoding: output, as: UTF8.self) + (isClosed ? "(closed)" : "")
    }
}
