// Checkpoint: how long calls stay interruptible.
//
// What it must get right, in this order:
//   1. The caller's function is called on the caller's thread only, at most every 20 ms.
//   2. Once it asks to cancel, every thread leaves its loop at the next block of samples.

import Synchronization

final class Checkpoint: @unchecked Sendable {
    private let caller = currentThreadIdentifier()
    private let poll: () -> CallbackAnswer
    private var last = monotonicSeconds()
    private let answered = Atomic<Int>(0)
    static let interval = 0.02

    init(_ poll: @escaping () -> CallbackAnswer) { self.poll = poll }

    /// Should work end now. Cheap enough for every block of samples.
    func isCancelled() -> Bool {
        if answered.load(ordering: .relaxed) == 2 { return true }
        guard currentThreadIdentifier() == caller else { return false }
        let now = monotonicSeconds()
        guard now - last >= Self.interval else { return false }
        last = now
        switch poll() {
        case .proceed: return false
        case .stop:
            answered.store(1, ordering: .relaxed)
            return false
        case .cancel:
            answered.store(2, ordering: .relaxed)
            return true
        }
    }

    /// For the calling thread while it waits for others: keeps polling, so that they can be told to stop.
    func pollWhileWaiting() { _ = isCancelled() }

    /// Did a poll ask to end well after the step at hand.
    var wantsStop: Bool { answered.load(ordering: .relaxed) == 1 }
}

extension KAN {
    /// Calls `body`, whose calls of this network `poll` can end: it is asked at most every 20 ms, on this thread.
    ///
    /// - Throws: what `body` throws; a call that was ended throws `KANError.cancelled` and has changed nothing.
    public func interruptible(_ poll: @escaping () -> CallbackAnswer, _ body: () throws(KANError) -> Void) throws(KANError) {
        let outer = checkpoint
        checkpoint = Checkpoint(poll)
        defer { checkpoint = outer }
        try body()
    }
}
