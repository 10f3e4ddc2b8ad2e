// Dates in headers: RFC 5322 3.3, always in UTC.

/// The header form of a time.
enum MailDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `Mon, 23 Nov 2026 00:06:42 +0000`, from seconds since 1970, by the days-from-civil arithmetic run backwards.
    static func text(_ seconds: Int) -> String {
        let day = seconds.quotient(by: 86_400)
        let clock = seconds - day * 86_400
        // Years begin in March here, so that the leap day is a year's last.
        let sinceEra = day + 719_468
        let era = sinceEra.quotient(by: 146_097)
        let dayOfEra = sinceEra - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        let weekday = (day + 4) - (day + 4).quotient(by: 7) * 7
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[weekday]), \(dayOfMonth) \(months[(month + 2) % 12]) \(year) "
            + "\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)) +0000"
    }
}

extension Int {
    /// Division that rounds towards negative infinity.
    fileprivate func quotient(by divisor: Int) -> Int {
        let quotient = self / divisor
        return self < quotient * divisor ? quotient - 1 : quotient
    }
}
