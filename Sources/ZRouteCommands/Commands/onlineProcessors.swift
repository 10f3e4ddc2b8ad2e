// How many threads are worth having.

import Glibc

/// The number of processors that are at work in this machine, at least 1.
func onlineProcessors() -> Int {
    max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
