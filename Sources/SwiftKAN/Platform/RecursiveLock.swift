// RecursiveLock: one thread at a time; the thread inside may enter again, as a callback of `fit` that predicts does.

/// A lock that the thread which holds it may take again.
///
/// A `fork` copies the lock as it is: a child must not use what another thread of its parent had locked.
public final class RecursiveLock: Sendable {
    private let monitor = Monitor(recursive: true)

    public init() {}

    /// Runs `body` while no other thread is inside `withLock` of this lock.
    public func withLock<R>(_ body: () throws -> R) rethrows -> R {
        monitor.lock()
        defer { monitor.unlock() }
        return try body()
    }
}
