// The protocols of lookups: any bytes from a client, in whatever pieces they come.

import LookupProtocols

/// The first byte chooses the status of the answers; the rest is what the client of the protocol says.
func fuzzLookups(_ name: String, _ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    guard let served = ServedProtocol.all.first(where: { $0.name == name }) else {
        preconditionFailure("no protocol '\(name)'")
    }
    let status = LookupStatus.allCases[Int(first) % LookupStatus.allCases.count]
    let sent = bytes.dropFirst()
    let whole = said(served, sent, status, piece: sent.count)
    for piece in [1, 3, 64] {
        precondition(
            said(served, sent, status, piece: piece) == whole,
            "what is said depends on the pieces in which a dialogue comes")
    }
}

/// What a client is told.
private func said(
    _ served: ServedProtocol, _ sent: ArraySlice<UInt8>, _ status: LookupStatus, piece: Int
) -> [UInt8] {
    var dialogue = served.makeDialogue(Array("route".utf8))
    var (input, output): ([UInt8], [UInt8]) = ([], [])
    var (position, rest) = (0, sent)
    var request = LookupRequest()
    var reply = LookupReply()
    while !rest.isEmpty {
        input += rest.prefix(max(piece, 1))
        rest = rest.dropFirst(max(piece, 1))
        steps: while true {
            let before = position
            let step = dialogue.next(input.span, from: &position, into: &request, output: &output)
            precondition(before...input.count ~= position, "more was taken than had come")
            switch step {
            case .incomplete: break steps
            case .close: return output
            case .request:
                precondition(position > before, "a request was taken out of nothing")
                reply.begin(status)
                reply.append(request.map)
                reply.append(request.key)
                dialogue.reply(reply, to: &output)
            }
        }
        // A driver forgets what was taken.
        input.removeFirst(position)
        position = 0
    }
    dialogue.farewell(isAsking: !input.isEmpty, to: &output)
    return output
}
