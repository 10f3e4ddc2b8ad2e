import ZRoute

/// Says where mail for some addresses goes, a line for each.
func destinations(of addresses: [String], configuration: String) throws(SiteError) -> [String] {
    let site = try MailSite(configuration: configuration)
    var lines = site.findings.map(\.description)
    site.withRouter { router in
        for address in addresses {
            do {
                let routes = try router.routes(of: address)
                lines.append(routes.map(\.description).joined(separator: "; "))
            } catch RoutingFailure.map(let failed) {
                lines.append("\(address): \(failed.relation) could not be asked; try again later")
            } catch {
                lines.append("\(address): refused: \(error)")
            }
        }
    }
    return lines
}
