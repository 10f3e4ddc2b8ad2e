// The commands of a transaction as they are sent: all at once, or one by one (RFC 2920).

extension TransactionState {
    /// Appends what is sent first: MAIL, and the rest of the envelope where commands are sent together.
    func appendOpening(to output: inout [UInt8]) {
        // One growth in place of many: about what the commands need, parameters included.
        output.reserveCapacity(output.count + 128 + request.envelope.sender.count + 96 * report.recipients.count)
        request.writer.appendMail(request.envelope, to: &output)
        output.append("\r\n")
        guard isPipelined else { return }
        for index in report.recipients.indices where !report.recipients[index].isDecided {
            request.writer.appendRecipient(request.envelope.recipients[index], to: &output)
            output.append("\r\n")
        }
        if chunkSize == nil { output.append("DATA\r\n") }
    }

    /// Appends the command of the stage.
    func appendCommand(to output: inout [UInt8]) {
        switch stage {
        case .recipient(let index): request.writer.appendRecipient(request.envelope.recipients[index], to: &output)
        case .data: output.append("DATA")
        case .reset: output.append("RSET")
        case .mail, .body, .final, .emptyMessage: return
        }
        output.append("\r\n")
    }
}
