// The thread that the sockets of a front live on: it waits for those that are ready, runs what other threads hand it, and what is due.

import CLinux
import Glibc
import NIOCore
import Synchronization
import System

/// Is told what a socket is ready for; used on its loop alone.
protocol SocketHandler: AnyObject {
    /// Something has happened.
    ///
    /// - Parameter buffer: the loop's, to read into.
    func ready(_ readiness: Poller.Readiness, reading buffer: inout [UInt8])
    /// The loop ends.
    func loopEnds()
}

/// A thread with sockets.
///
/// `@unchecked`: what other threads use is atomic or under a lock; everything else belongs to the thread, as each property says.
final class SocketLoop: @unchecked Sendable {
    private let poller: Poller
    /// Rings for what other threads hand over.
    private let bell: Int32
    private let tasks = Mutex<[@Sendable () -> Void]>([])
    private let isEnding = Atomic(false)
    /// The thread, once it runs.
    private let current = Atomic<UInt>(0)
    private let thread = Mutex<pthread_t?>(nil)

    // The thread's own.
    /// By the lower half of their numbers; the upper half tells a socket from others that had its place.
    private var handlers: [(handler: (any SocketHandler)?, generation: UInt32)] = []
    private var freePlaces: [Int] = []
    private var timers: [(due: NIODeadline, body: () -> Void)] = []
    /// Those that are to read again though nothing more is told of them.
    private var again: [any SocketHandler] = []
    /// What is done once what goes on is done.
    private var later: [() -> Void] = []

    private static let bellNumber = UInt64.max
    private static let bufferSize = 64 << 10

    /// A loop that does not run yet.
    ///
    /// - Throws: `FileError` where the system gives no descriptors.
    init() throws(FileError) {
        poller = try Poller()
        // EFD_NONBLOCK, EFD_CLOEXEC.
        bell = eventfd(0, 0x800 | 0x80000)
        let code = bell < 0 ? errno : poller.addForAll(bell, number: Self.bellNumber)
        guard code == 0 else { throw FileError(operation: "eventfd", path: "-", code: code) }
    }

    deinit { if bell >= 0 { close(bell) } }

    /// Begins to run in a thread of its own.
    ///
    /// - Throws: `FileError` where there is no thread.
    func start() throws(FileError) {
        let code = thread.withLock { thread in
            var made = pthread_t()
            let code = startThread(&made) { self.run() }
            if code == 0 { thread = made }
            return code
        }
        guard code == 0 else { throw FileError(operation: "pthread_create", path: "-", code: code) }
    }

    /// Ends the thread, and waits for it; sockets that are left are told of it.
    func stop() {
        guard let thread = thread.withLock({ $0.take() }) else { return }
        isEnding.store(true, ordering: .releasing)
        _ = eventfd_write(bell, 1)
        pthread_join(thread, nil)
    }

    // MARK: From any thread

    /// Whether this is the loop's thread.
    var isCurrent: Bool { current.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Has the thread do something, after what it was handed before; nothing where it has ended.
    func execute(_ body: @escaping @Sendable () -> Void) {
        let isFirst = tasks.withLock { tasks in
            tasks.append(body)
            return tasks.count == 1
        }
        if isFirst { _ = eventfd_write(bell, 1) }
    }

    // MARK: From its thread

    /// Adds a socket, and gives the number by which it is known here.
    ///
    /// - Returns: nil, with errno, where the system does not take it.
    func add(_ descriptor: Int32, _ interest: Poller.Interest, _ handler: any SocketHandler) -> UInt64? {
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            handlers[place].handler = handler
        } else {
            place = handlers.count
            handlers.append((handler, 0))
        }
        let number = UInt64(handlers[place].generation) << 32 | UInt64(place)
        let code = poller.add(descriptor, number: number, interest)
        guard code == 0 else {
            remove(number)
            errno = code
            return nil
        }
        return number
    }

    /// Lets another handler be told of a socket from now on.
    func hand(_ number: UInt64, to handler: any SocketHandler) {
        let place = Int(UInt32(truncatingIfNeeded: number))
        guard handlers.indices.contains(place), handlers[place].generation == UInt32(number >> 32) else { return }
        handlers[place].handler = handler
    }

    /// Changes what a socket waits for.
    func arm(_ descriptor: Int32, number: UInt64, _ interest: Poller.Interest) {
        poller.arm(descriptor, number: number, interest)
    }

    /// Forgets a socket, which its owner closes.
    func remove(_ number: UInt64) {
        let place = Int(UInt32(truncatingIfNeeded: number))
        guard handlers.indices.contains(place), handlers[place].generation == UInt32(number >> 32) else { return }
        handlers[place].handler = nil
        handlers[place].generation &+= 1
        freePlaces.append(place)
    }

    /// Lets a socket read once others have had their turn, though nothing more may be told of it.
    func readAgain(_ handler: any SocketHandler) { again.append(handler) }

    /// Does something once what goes on is done.
    func afterwards(_ body: @escaping () -> Void) { later.append(body) }

    /// Does something after a time.
    func schedule(after time: TimeAmount, _ body: @escaping () -> Void) {
        let due = NIODeadline.now() + time
        let place = timers.firstIndex { $0.due < due } ?? timers.count
        // The earliest is the last: there are few.
        timers.insert((due, body), at: place)
    }

    // MARK: The thread

    private func run() {
        current.store(UInt(pthread_self()), ordering: .relaxed)
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        var ready = Poller.Events()
        while !isEnding.load(ordering: .acquiring) {
            poller.wait(into: &ready, atMost: milliseconds)
            for index in 0..<ready.count {
                let (number, readiness) = ready[index]
                if number == Self.bellNumber {
                    runTasks()
                } else {
                    tell(number, readiness, &buffer)
                }
            }
            runTimers()
            runAgain(&buffer)
            runLater()
        }
        // One that ends can lead to others that begin.
        while handlers.contains(where: { $0.handler != nil }) {
            for place in handlers.indices { handlers[place].handler?.loopEnds() }
            runLater()
        }
        (timers, again) = ([], [])
    }

    /// How long may be waited.
    private var milliseconds: Int32 {
        if !again.isEmpty || !later.isEmpty { return 0 }
        guard let next = timers.last?.due else { return -1 }
        let left = next - .now()
        return left <= .zero ? 0 : Int32(clamping: left.nanoseconds / 1_000_000 + 1)
    }

    private func tell(_ number: UInt64, _ readiness: Poller.Readiness, _ buffer: inout [UInt8]) {
        let place = Int(UInt32(truncatingIfNeeded: number))
        // Closed by what was told before.
        guard handlers.indices.contains(place), handlers[place].generation == UInt32(number >> 32) else { return }
        handlers[place].handler?.ready(readiness, reading: &buffer)
    }

    private func runTasks() {
        var count: UInt64 = 0
        _ = unsafe eventfd_read(bell, &count)
        let due = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in due { task() }
    }

    private func runTimers() {
        guard let next = timers.last, next.due <= .now() else { return }
        timers.removeLast()
        next.body()
    }

    private func runAgain(_ buffer: inout [UInt8]) {
        guard !again.isEmpty else { return }
        var due: [any SocketHandler] = []
        swap(&due, &again)
        for handler in due { handler.ready(.input, reading: &buffer) }
    }

    private func runLater() {
        while !later.isEmpty {
            var due: [() -> Void] = []
            swap(&due, &later)
            for body in due { body() }
        }
    }
}

/// What is used on a loop's thread alone, for whoever has to carry it there.
///
/// `@unchecked`: it is touched within what the loop executes, and nowhere else.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
