// Checkpoints: on the caller's thread only, at most every 20 ms, and all threads learn of a cancellation.

import Synchronization
import Testing
@testable import SwiftKAN

@Suite struct CheckpointTests {
    private func wait(_ seconds: Double) {
        let end = monotonicSeconds() + seconds
        while monotonicSeconds() < end {}
    }

    @Test func atMostEvery20Milliseconds() {
        var polls = 0
        let checkpoint = Checkpoint {
            polls += 1
            return .proceed
        }
        let start = monotonicSeconds()
        for _ in 0..<1000 { #expect(!checkpoint.isCancelled()) }
        #expect(Double(polls) <= (monotonicSeconds() - start) / Checkpoint.interval)
        wait(0.025)
        #expect(!checkpoint.isCancelled() && polls >= 1 && !checkpoint.wantsStop)
    }

    @Test func answersAreKept() {
        let stopping = Checkpoint { .stop }
        wait(0.025)
        #expect(!stopping.isCancelled() && stopping.wantsStop)
        var polls = 0
        let cancelling = Checkpoint {
            polls += 1
            return .cancel
        }
        wait(0.025)
        #expect(cancelling.isCancelled() && !cancelling.wantsStop)
        wait(0.025)
        #expect(cancelling.isCancelled() && polls == 1)
    }

    /// A thread of the pool never calls back, and sees what the caller's thread was answered.
    @Test func otherThreadsOnlyLook() {
        let caller = currentThreadIdentifier()
        let strangers = Atomic<Int>(0)
        let checkpoint = Checkpoint {
            if currentThreadIdentifier() != caller { strangers.add(1, ordering: .relaxed) }
            return .cancel
        }
        wait(0.025)
        let early = Atomic<Int>(0)
        ThreadPool.run(tasks: 8, threads: 4) { _ in
            if currentThreadIdentifier() != caller, checkpoint.isCancelled() { early.add(1, ordering: .relaxed) }
        }
        #expect(early.load(ordering: .relaxed) == 0)
        #expect(checkpoint.isCancelled())
        let informed = Atomic<Int>(0)
        ThreadPool.run(tasks: 8, threads: 4) { _ in
            if checkpoint.isCancelled() { informed.add(1, ordering: .relaxed) }
        }
        #expect(informed.load(ordering: .relaxed) == 8 && strangers.load(ordering: .relaxed) == 0)
    }

    /// Calls of a network end when its poll says so, and leave it as it was.
    @Test func interruptibleCalls() throws {
        let network = try KAN<Double>(Settings(width: [2, 5, 1], grid: 20))
        let before = network.numbers
        let n = 4000  // far more than 20 ms of work in a debug build
        let x = (0..<(2 * n)).map { Double(($0 * 7919) % 1000) / 500 - 1 }
        #expect(throws: KANError.cancelled) {
            try network.interruptible({ .cancel }) { () throws(KANError) in try network.updateGrid(x: x) }
        }
        #expect(network.numbers == before)
        #expect(throws: KANError.cancelled) {
            try network.interruptible({ .cancel }) { () throws(KANError) in _ = try network.refined(grid: 30, x: x) }
        }
        try network.interruptible({ .proceed }) { () throws(KANError) in try network.updateGrid(x: x) }
        #expect(network.numbers != before)
        _ = try network.refined(grid: 30, x: x)
    }
}
