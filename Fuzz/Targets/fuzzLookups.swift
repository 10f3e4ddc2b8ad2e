// The protocols of lookups: any bytes from a client, in whatever pieces they come.

import LookupProtocols

/// The first byte chooses the protocol, the second the status of the answers; the rest is what the client says.
func fuzzLookups(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let protocols = ServedProtocol.all
    let served = protocols[Int(bytes[0]) % protocols.count]
    let status = LookupStatus.allCases[Int(bytes[1]) % LookupStatus.allCases.count]
    let sent = bytes.dropFirst(2)
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
