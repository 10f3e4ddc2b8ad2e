// Converts a Postfix: makes the site, asks it what Postfix says of the same addresses, and puts it in place.

import Configuration
import Maps
import Site
import System

/// The conversion of a main.cf, from files to files.
package enum PostfixSite {
    /// Writes the site of a Postfix into a directory.
    ///
    /// - Parameters:
    ///   - main: the main.cf.
    ///   - directory: a directory that is empty or not there; it is complete afterwards, or as it was.
    /// - Returns: what was not carried over, and what is otherwise; `conversion.txt` says the same.
    /// - Throws: where something could not be read or written.
    package static func convert(main: String, to directory: String) throws(ConversionError) -> ConversionReport {
        let writer = try SiteWriter(directory)
        var conversion = try PostfixConversion(main: main)
        return try ConvertedSite.put(
            conversion.draft, conversion.report, writer
        ) { site throws(ConversionError) in
            conversion.compare(with: site)
            return conversion.report
        }
    }
}

/// A site on its way to its place.
enum ConvertedSite {
    /// Writes a site, lets a function look at it, and puts it in place.
    ///
    /// - Parameter review: is given the site as it will be, and answers the report that stands beside it.
    static func put(
        _ draft: SiteDraft, _ report: ConversionReport, _ writer: SiteWriter,
        review: (Site) throws(ConversionError) -> ConversionReport
    ) throws(ConversionError) -> ConversionReport {
        let files = draft.files(in: writer.directory, report: report)
        do throws(FileError) {
            try writer.prepare(files)
        } catch {
            writer.abandon(files)
            throw .file(error)
        }
        do throws(ConversionError) {
            let reviewed = try review(try open(writer.temporary))
            do throws(FileError) {
                try writer.write(Array(reviewed.text.utf8), to: "\(writer.temporary)/conversion.txt")
                try writer.publish()
            } catch {
                throw ConversionError.file(error)
            }
            return reviewed
        } catch {
            writer.abandon(files)
            throw error
        }
    }

    private static func open(_ directory: String) throws(ConversionError) -> Site {
        do throws(ConfigurationError) {
            var overrides = ["MAILVAR", "MAILSHARE"].map { (name: $0, value: directory) }
            let users = "\(directory)/db/localusers"
            if !FileIdentity.isMissing(at: users) { overrides.append(("LOCALUSERS", users)) }
            return try Site(settings: try Settings.load(file: "\(directory)/zmailer.conf", overrides: overrides))
        } catch {
            throw .unusable(file: error.file, line: error.line, text: error.text)
        }
    }
}

extension PostfixConversion {
    /// Asks a site about every address that a table of Postfix has a key for, with an extension and without, and notes what
    /// it says otherwise.
    mutating func compare(with site: Site) {
        let questions = comparedAddresses()
        let answers = AddressQuestions(site).ask(questions.count, address: { questions[$0].text }) {
            RouteExpectation.routes(of: $0)
        }
        for (number, routes) in answers { judge(questions[number], routes) }
    }
}
