// Parameters of Postfix that change where mail goes and have no counterpart here: named, not passed over.

/// Notes on parameters.
struct UncarriedParameters {
    private let parameters: PostfixParameters

    init(_ parameters: PostfixParameters) { self.parameters = parameters }

    /// Parameters that are named wherever they are set, and why.
    private static let table: [(name: String, reason: String)] = [
        ("canonical_maps", "addresses are not rewritten; write recipients' entries into fqdnaliases"),
        ("recipient_canonical_maps", "addresses are not rewritten; write its entries into fqdnaliases"),
        ("sender_canonical_maps", "senders are not rewritten; leave that to the mail server in front"),
        ("recipient_bcc_maps", "no copies are sent; write the copy's address into the list of fqdnaliases"),
        ("sender_bcc_maps", "no copies are sent by sender; leave that to the mail server in front"),
        ("always_bcc", "no copies are sent; leave that to the mail server in front"),
        ("sender_dependent_relayhost_maps", "routes do not depend on senders; leave that to the mail server in front"),
        (
            "sender_dependent_default_transport_maps",
            "routes do not depend on senders; leave that to the mail server in front"
        ),
        (
            "luser_relay",
            "unknown local users are refused; write '@domain' entries into fqdnaliases where one takes their mail"
        ),
        ("fallback_transport", "unknown local users are refused; write '@domain' entries into fqdnroutes"),
        ("fallback_transport_maps", "local users have one next hop; write fqdnroutes for the others"),
        ("mailbox_transport_maps", "local users have one next hop; write fqdnroutes for the others"),
        ("mailbox_command_maps", "no command is ever run"),
        ("mailbox_command", "no command is ever run"),
        ("smtp_generic_maps", "addresses are not rewritten; leave that to the mail server in front"),
        ("content_filter", "mail is not filtered; leave that to the mail server in front"),
        ("masquerade_domains", "addresses are not rewritten; leave that to the mail server in front"),
        ("fallback_relay", "there is one next hop; write it into scheduler.conf"),
        ("smtp_fallback_relay", "there is one next hop; write it into scheduler.conf"),
        ("lmtp_tls_security_level", "TLS is an option of the clause: `-S FILE` (docs/delivery.md)"),
        ("smtp_tls_security_level", "TLS is an option of the clause: `-S FILE` (docs/delivery.md)"),
        ("smtp_sasl_auth_enable", "secrets are an option of the clause: `-A FILE` (docs/delivery.md)"),
        ("lmtp_sasl_auth_enable", "secrets are an option of the clause: `-A FILE` (docs/delivery.md)"),
    ]

    /// Notes all of them, and what is otherwise by rule.
    func note(in report: inout ConversionReport) throws(ConversionError) {
        func note(_ kind: ConversionNote.Kind, _ parameter: String, _ text: String) {
            report.add(
                ConversionNote(
                    kind: kind, file: parameters.main.file, line: parameters.line(parameter), parameter: parameter,
                    text: text))
        }
        for (name, reason) in Self.table where parameters.isSet(name) {
            let value = try parameters.value(name)
            if !value.isEmpty, value.lowercased() != "no", value.lowercased() != "none" { note(.leftOut, name, reason) }
        }
        // What restrictions look up is about who may send.
        for name in parameters.main.names where name.hasPrefix("smtpd_") && name.hasSuffix("_restrictions") {
            let tables = try parameters.words(name).filter { $0.contains(":") && !$0.hasPrefix("{") }
            for table in tables {
                note(
                    .leftOut, name,
                    "\(table): access tables are not carried over; leave them to the mail server in front")
            }
        }
        let delimiter = try parameters.value("recipient_delimiter")
        for character in delimiter where character != "+" {
            note(
                .leftOut, "recipient_delimiter",
                "'\(character)' does not divide user and extension here, where '+' and '--' do; write the addresses in use"
            )
        }
        if !delimiter.contains("+") {
            note(
                .differs, "recipient_delimiter",
                "user+extension@domain is user@domain here with an extension, where Postfix knows no such user")
        } else {
            note(
                .remark, "recipient_delimiter",
                "'user--extension' is 'user+extension' here, which Postfix does not know")
        }
    }
}
