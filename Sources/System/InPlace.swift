// A value that stays where it is, and is changed there: for what is large, and changes with everything that happens.

/// A value in memory of its own, which lives as long as this.
///
/// As a property of an object, each change of the value would be checked for another at the same time, and each look at a part of
/// it would copy the whole: together a tenth of what a message costs that passes by. Whoever has it sees to what is not
/// checked: it belongs to one thread, and nothing that the value does leads back to it.
@safe
public struct InPlace<Value>: ~Copyable {
    @usableFromInline let memory: UnsafeMutablePointer<Value>

    /// Puts a value there.
    @inlinable
    public init(_ value: consuming Value) {
        // Initialised here once, and deinitialised by `deinit`.
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(to: value)
    }

    /// The value.
    @inlinable public var value: Value {
        _read { yield unsafe memory.pointee }
        nonmutating _modify { yield unsafe &memory.pointee }
    }

    deinit {
        unsafe memory.deinitialize(count: 1)
        unsafe memory.deallocate()
    }
}
