// The system's words for an error number.

import Glibc

/// The text of an errno.
func systemReason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
