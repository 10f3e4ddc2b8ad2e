// Who a recipient is to the sender: the address that the sender wrote, not the mailbox that it was routed to.

public import MailAddress

extension ControlRecipient {
    /// A parameter of the `N` line, such as `NOTIFY` or `ORCPT`, by its name in capitals; nil where there is none.
    public func notificationParameter(_ name: String) -> [UInt8]? {
        for word in notification?.split(whereSeparator: ASCII.isBlank) ?? [] {
            guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { continue }
            if word[..<equals].map(ASCII.uppercase).elementsEqual(name.utf8) { return Array(word[(equals + 1)...]) }
        }
        return nil
    }

    /// The recipient as the sender wrote it; nil where the file does not tell.
    ///
    /// The ORCPT that came with it, or else the address that it was submitted with (`O`; INRCPT in files of ZMailer's).
    public var originalRecipient: OriginalRecipient? {
        notificationParameter("ORCPT").flatMap { OriginalRecipient($0) } ?? receivedAddress
    }

    private var receivedAddress: OriginalRecipient? {
        submittedAddress ?? notificationParameter("INRCPT").flatMap { OriginalRecipient($0) }
    }

    /// The address by which the sender is told of the recipient, whatever it is: never that of the mailbox where
    /// anything better is known.
    ///
    /// Where the file does not tell what was submitted the route does, more or less: on channel `local` the host is the
    /// address by which the user was reached, on `error` and `hold` the user is the address itself.
    public var addressKnownToSender: OriginalRecipient {
        if let original = notificationParameter("ORCPT").flatMap({ OriginalRecipient($0) }), original.isMailAddress {
            return original
        }
        return receivedAddress ?? OriginalRecipient(address: addressInRoute)
    }

    private var addressInRoute: [UInt8] {
        let user = ControlField.unquoted(address.user)
        guard address.isChannel("local") else { return user }
        var host = ControlField.unquoted(address.host)
        for prefix in ["pipe.", "file."] where host.starts(with: prefix.utf8) { host.removeFirst(prefix.utf8.count) }
        return host.isEmpty || host.elementsEqual("-".utf8) ? user : host
    }
}
