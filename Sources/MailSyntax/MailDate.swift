// The date and time of a header field (RFC 5322 3.3), always in UTC: a host may change its zone, not its past.

/// Dates as mail writes them.
public enum MailDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The form `Sun, 22 Nov 2026 10:00:00 +0000`.
    ///
    /// - Parameter time: seconds since 1970; what lies outside of the years 1970 to 9999 is taken for the nearest.
    public static func text(_ time: some BinaryInteger) -> String {
        let time = min(max(Int64(clamping: time), 0), 253_402_300_799)
        let day = Int(time / 86_400)
        let second = Int(time % 86_400)
        // Howard Hinnant's civil_from_days: years begin in March, so that the leap day is a year's last.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10
        let year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)
        return "\(days[day % 7]), \(dayOfMonth) \(months[month]) \(year) "
            + "\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60)) +0000"
    }

    private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
