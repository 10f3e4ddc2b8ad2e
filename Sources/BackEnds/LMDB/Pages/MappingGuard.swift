// A file that is cut short while it is mapped ends the process with SIGBUS at the next look behind its end, and no check before
// the look can exclude that. So a handler puts zeros in the place of the mapping, and whoever looks into it is told.

import Glibc
import Synchronization
import System

/// The range of one mapping, for the handler; it lives as long as the process.
@safe
private struct GuardedRange: ~Copyable {
    /// Where it begins and ends; both 0 while no mapping uses it.
    let start = Atomic<UInt>(0), end = Atomic<UInt>(0)
    /// Whether zeros were put in its place.
    let isTorn = Atomic<Bool>(false)
    /// The range that was made before it, as an address; 0 at the end.
    let next: UInt

    init(next: UInt) { self.next = next }
}

/// Guards one mapping.
@safe
final class MappingGuard: Sendable {
    // Made once and never freed, because a handler may be looking at it.
    private nonisolated(unsafe) let range: UnsafeMutablePointer<GuardedRange>

    /// Begins to guard a mapping.
    ///
    /// - Parameter mapping: readable memory whose end is a page's end; it must stay mapped until `end` is called.
    init(_ mapping: UnsafeRawBufferPointer) {
        let start = UInt(bitPattern: mapping.baseAddress)
        unsafe range = unsafe GuardedRanges.shared.take()
        unsafe range.pointee.isTorn.store(false, ordering: .relaxed)
        unsafe range.pointee.end.store(start &+ UInt(mapping.count), ordering: .relaxed)
        unsafe range.pointee.start.store(start, ordering: .releasing)
    }

    /// Whether the file was cut short, and the mapping has zeros since.
    var isTorn: Bool {
        @inline(__always) get { unsafe range.pointee.isTorn.load(ordering: .relaxed) }
    }

    /// Ends to guard the mapping, before it is unmapped.
    func end() {
        unsafe range.pointee.start.store(0, ordering: .relaxed)
        unsafe range.pointee.end.store(0, ordering: .releasing)
        unsafe GuardedRanges.shared.giveBack(range)
    }
}

/// All ranges of the process: signals are a matter of the whole process, so there is one list.
private final class GuardedRanges: Sendable {
    static let shared = GuardedRanges()

    private struct Free: Sendable {
        var addresses: [UInt] = []
    }

    private let free = Mutex(Free())

    /// Installs the handler.
    init() {
        // The handler must find the list ready.
        newestRange.store(0, ordering: .relaxed)
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_sigaction = { number, info, _ in unsafe handleBusError(number, info) }
        action.sa_flags = SA_SIGINFO
        unsafe sigemptyset(&action.sa_mask)
        unsafe sigaction(SIGBUS, &action, nil)
    }

    func take() -> UnsafeMutablePointer<GuardedRange> {
        unsafe free.withLock { free in
            if let address = free.addresses.popLast(), let range = unsafe rangeAt(address) { return unsafe range }
            let range = UnsafeMutablePointer<GuardedRange>.allocate(capacity: 1)
            unsafe range.initialize(to: GuardedRange(next: newestRange.load(ordering: .relaxed)))
            newestRange.store(UInt(bitPattern: range), ordering: .releasing)
            return unsafe range
        }
    }

    func giveBack(_ range: UnsafeMutablePointer<GuardedRange>) {
        let address = UInt(bitPattern: range)
        free.withLock { $0.addresses.append(address) }
    }
}

/// The address of the range that was made last.
private let newestRange = Atomic<UInt>(0)

private func rangeAt(_ address: UInt) -> UnsafeMutablePointer<GuardedRange>? {
    unsafe UnsafeMutablePointer(bitPattern: address)
}

/// What is done at SIGBUS: nothing but loads, stores and system calls.
private func handleBusError(_ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?) {
    let fault = unsafe UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr)
    var address = newestRange.load(ordering: .acquiring)
    while let range = unsafe rangeAt(address) {
        let start = unsafe range.pointee.start.load(ordering: .acquiring)
        let end = unsafe range.pointee.end.load(ordering: .relaxed)
        if start != 0, fault >= start, fault < end {
            unsafe range.pointee.isTorn.store(true, ordering: .releasing)
            let mapped = unsafe mmap(
                UnsafeMutableRawPointer(bitPattern: start), Int(bitPattern: end &- start), PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)
            if unsafe mapped != MAP_FAILED { return }
        }
        address = unsafe range.pointee.next
    }
    // Not ours: the access is repeated when this returns, and ends the process as it would have done.
    signal(number, SIG_DFL)
}
