// NIO ends its threads by way of Dispatch, which opens descriptors of its own at its first use, and ends the process
// where it gets none: a service that has used up its descriptors would crash when it is told to end.

import Dispatch

/// Lets Dispatch open what it needs, once for a process, while there are descriptors.
func prepareDispatch() {
    let isPrepared = DispatchSemaphore(value: 0)
    // A timer as well as work: each has its own.
    DispatchQueue.global().asyncAfter(deadline: .now()) { isPrepared.signal() }
    isPrepared.wait()
}
