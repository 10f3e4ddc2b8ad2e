// Postfix's alias_maps as the relation aliases.

extension PostfixConversion {
    /// Writes all entries of alias_maps, and notes what cannot be written.
    mutating func carryLocalLists() {
        let map = routing.localAliases
        // What postalias adds of itself.
        let own = ["@", "yp_last_modified", "yp_master_name"].map { Array($0.utf8) }
        for entry in map.entries where !own.contains(entry.key.lowercased) {
            guard PostfixAddress.isPlainLocalPart(entry.key), entry.key == entry.key.lowercased else {
                note(.leftOut, entry, map, "it is no name that can be written here; write it by hand")
                continue
            }
            let value = LocalAliasValue(
                entry.value, of: entry.key, hasAlias: { map.entry($0) != nil }, isLocal: { routing.local.contains($0) })
            for obstacle in value.obstacles { note(.leftOut, entry, map, obstacle) }
            for remark in value.remarks { note(.remark, entry, map, remark) }
            let members = value.members.flatMap { ends(of: $0, entry.key) }
            guard value.refusal == nil, !members.isEmpty else {
                if value.obstacles.isEmpty {
                    note(.leftOut, entry, map, "'\(string(entry.value))' names nobody; correct it")
                }
                continue
            }
            let list = Array(members.joined(separator: Array(", ".utf8)))
            draft.aliases.add(entry.key, list)
            // local(8) takes the extension away; a list here would hand it on, unless it is that of `name+`.
            if routing.delimiters.contains(0x2B), !routing.propagatesThroughLocalAliases,
                routing.divided(entry.key) == nil
            {
                draft.aliases.add(entry.key + [0x2B], list)
            }
        }
    }

    /// What a member comes to: mail for another domain begins anew at the aliases of whole addresses.
    private mutating func ends(of member: [UInt8], _ key: [UInt8]) -> [[UInt8]] {
        guard let address = PostfixAddress(member), address.isPlain else { return [member] }
        let expansion = routing.expansion(of: address)
        guard expansion.problem == nil else { return [member] }
        return expansion.recipients.compactMap { self.member($0, of: key) }
    }
}
