// What the commands that stay have in common beyond their life: the life's words in the log, and a configuration that is read
// anew.

import Service

extension ServiceLife {
    /// The life of a command that stays; what it has to say goes to the log.
    ///
    /// To be made before any thread is started.
    convenience init(takesReload: Bool, log form: LogForm) {
        self.init(takesReload: takesReload) { DiagnosticLog(form).say($0, .warning) }
    }
}

/// Reads a configuration anew, for a service that has one.
///
/// - Returns: nil, after saying why, where it cannot be used, and the old one stands.
func readAnew<Configuration>(
    say: (Diagnosis) -> Void, _ read: () throws -> Configuration
) -> Configuration? {
    do {
        return try read()
    } catch {
        for diagnosis in Diagnosis.all(of: error, rest: "; the old configuration stands") { say(diagnosis) }
        return nil
    }
}
