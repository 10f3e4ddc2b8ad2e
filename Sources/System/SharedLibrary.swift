// Libraries that only some sites need: loaded when a map that needs one is first opened, so that the program starts as fast,
// and runs, where they are not installed.

import Glibc

/// A library that was loaded while the program runs.
///
/// It stays until the process ends.
@safe
package struct SharedLibrary {
    /// The name by which the dynamic linker found it, such as `libsqlite3.so.0`.
    package let name: String
    private let package: String
    private let handle: UnsafeMutableRawPointer

    /// Loads a library; one that is loaded already is the same.
    ///
    /// - Parameters:
    ///   - name: its name with the version of its interface, or a path.
    ///   - package: what Debian calls the package that has it, for messages.
    /// - Throws: `SharedLibraryError` where there is none that this program can use.
    package init(_ name: String, package: String) throws(SharedLibraryError) {
        // RTLD_NOW: whatever it lacks is said here, and not in the middle of a lookup.
        guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            throw SharedLibraryError(
                text: "the library \(name) cannot be loaded: \(Self.reason()); install the package \(package)")
        }
        self.name = name
        self.package = package
        unsafe self.handle = handle
    }

    /// A function of the library.
    ///
    /// - Parameters:
    ///   - symbol: its name in C.
    ///   - type: its type with `@convention(c)`. It must be the one that the library declares: nobody checks it.
    /// - Throws: `SharedLibraryError` where the library has no such function.
    @unsafe
    package func function<Function>(_ symbol: String, as type: Function.Type) throws(SharedLibraryError) -> Function {
        // A pointer to a function is as large as any other; the caller vouches for its type.
        unsafe unsafeBitCast(try address(of: symbol), to: type)
    }

    /// Where a function of the library is.
    ///
    /// - Throws: `SharedLibraryError` where the library has no such function.
    @unsafe
    package func address(of symbol: String) throws(SharedLibraryError) -> UnsafeMutableRawPointer {
        guard let address = unsafe dlsym(handle, symbol) else {
            throw SharedLibraryError(
                text:
                    "the library \(name) has no \(symbol): it is too old, or another one; install a newer package \(package)"
            )
        }
        return unsafe address
    }

    private static func reason() -> String {
        unsafe dlerror().map { unsafe String(cString: $0) } ?? "for an unknown reason"
    }
}

/// A library that cannot be used.
package struct SharedLibraryError: Error {
    /// Why, and what to do.
    package let text: String
}
