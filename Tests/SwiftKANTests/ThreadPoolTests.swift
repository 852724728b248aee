// ThreadPool under everything that may happen to it: nesting, two callers, many quick calls, fork.
// Serialized: the tests watch one pool, and one that finds it busy would only see its calls run serially.

import Synchronization
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif
@testable import SwiftKAN

/// Swift hides `fork` from programs; the library must live in one that forks all the same (Python's multiprocessing).
@_silgen_name("fork") private func cFork() -> Int32

/// Held by every test that sets the number of threads, which belongs to the process.
let threadCountLock = Monitor()

/// What `body` returns with 1, 2 and 4 threads; the number is then what it was.
func forEachThreadCount<R>(_ body: () throws -> R) rethrows -> [R] {
    threadCountLock.lock()
    let before = Threads.count
    defer {
        Threads.setCount(before)
        threadCountLock.unlock()
    }
    return try [1, 2, 4].map { threads in
        Threads.setCount(threads)
        return try body()
    }
}

/// A counter for each task, raised from any thread.
private final class Tally: Sendable {
    let counts: [Counter]
    init(_ tasks: Int) { counts = (0..<tasks).map { _ in Counter() } }
    final class Counter: Sendable { let value = Atomic<Int>(0) }
    func raise(_ task: Int) { counts[task].value.add(1, ordering: .relaxed) }
    var values: [Int] { counts.map { $0.value.load(ordering: .relaxed) } }
}

@Suite(.serialized) struct ThreadPoolTests {
    @Test(arguments: [0, 1, 2, 7, 1000], [-1, 0, 1, 2, 3, 8])
    func everyTaskRunsOnce(tasks: Int, threads: Int) {
        let tally = Tally(tasks)
        ThreadPool.run(tasks: tasks, threads: threads) { tally.raise($0) }
        #expect(tally.values == [Int](repeating: 1, count: tasks))
    }

    @Test(arguments: [0, 1, 2, 7, 1000], [-1, 0, 1, 2, 3, 8])
    func everySpreadTaskRunsOnce(tasks: Int, threads: Int) {
        let (tally, busy) = (Tally(tasks), Tally(max(threads, 1)))
        for _ in 0..<20 {
            ThreadPool.spread(tasks: tasks, threads: threads) { number, task in
                // Nobody else has this number meanwhile.
                #expect(busy.counts[number].value.add(1, ordering: .relaxed).newValue == 1)
                tally.raise(task)
                busy.counts[number].value.subtract(1, ordering: .relaxed)
            }
        }
        #expect(tally.values == [Int](repeating: 20, count: tasks))
    }

    /// A task of a spread call finds the pool busy: its own tasks run one after the other, as number 0.
    @Test func aSpreadWithinASpreadRunsAlone() {
        let tally = Tally(12)
        ThreadPool.spread(tasks: 3, threads: 3) { _, outer in
            ThreadPool.spread(tasks: 4, threads: 4) { number, inner in
                #expect(number == 0)
                tally.raise(4 * outer + inner)
            }
        }
        #expect(tally.values == [Int](repeating: 1, count: 12))
    }

    @Test func negativeTaskCountRunsNothing() {
        ThreadPool.run(tasks: -5, threads: 4) { _ in Issue.record("a task ran") }
        ThreadPool.spread(tasks: -5, threads: 4) { _, _ in Issue.record("a task ran") }
    }

    /// Two tasks that wait for one another can only meet if two threads run them. Several attempts, because another
    /// suite's test may have the pool at that moment.
    @Test func tasksRunAtTheSameTime() {
        for _ in 0..<50 {
            let arrived = Atomic<Int>(0)
            let met = Atomic<Int>(0)
            ThreadPool.run(tasks: 2, threads: 2) { _ in
                arrived.add(1, ordering: .sequentiallyConsistent)
                let end = monotonicSeconds() + 0.5
                while arrived.load(ordering: .sequentiallyConsistent) < 2, monotonicSeconds() < end { sched_yield() }
                if arrived.load(ordering: .sequentiallyConsistent) == 2 { met.add(1, ordering: .relaxed) }
            }
            // Run serially, only the second task meets the first.
            if met.load(ordering: .relaxed) == 2 { return }
        }
        Issue.record("two tasks never ran at the same time")
    }

    @Test func noMoreThreadsThanAsked() {
        let inside = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        ThreadPool.run(tasks: 1, threads: 8) { _ in }
        ThreadPool.run(tasks: 64, threads: 6) { _ in }
        ThreadPool.run(tasks: 200, threads: 2) { _ in
            let now = inside.add(1, ordering: .sequentiallyConsistent).newValue
            most.max(now, ordering: .sequentiallyConsistent)
            let end = monotonicSeconds() + 50e-6
            while monotonicSeconds() < end { sched_yield() }
            inside.subtract(1, ordering: .sequentiallyConsistent)
        }
        #expect((1...2).contains(most.load(ordering: .relaxed)), "\(most.load(ordering: .relaxed)) at once")
    }

    @Test func nestedCallsRunSerially() {
        let tally = Tally(8 * 16)
        ThreadPool.run(tasks: 8, threads: 4) { outer in
            var last = -1
            ThreadPool.run(tasks: 16, threads: 4) { inner in
                #expect(inner == last + 1)
                last = inner
                tally.raise(outer * 16 + inner)
            }
        }
        #expect(tally.values == [Int](repeating: 1, count: 8 * 16))
    }

    /// What a task writes is there when `run` has returned.
    @Test func tenThousandQuickCalls() {
        var sums = [Int](repeating: 0, count: 4)
        sums.withUnsafeMutableBufferPointer { sums in
            // Tasks write places of their own.
            nonisolated(unsafe) let sums = sums
            for call in 0..<10_000 {
                ThreadPool.run(tasks: 4, threads: 2 + call % 3) { sums[$0] += call }
            }
        }
        #expect(sums == [Int](repeating: 49_995_000, count: 4))
    }

    @Test func workersWakeAfterTheySlept() {
        for _ in 0..<20 {
            usleep(2000)
            let tally = Tally(50)
            ThreadPool.run(tasks: 50, threads: 3) { tally.raise($0); usleep(20) }
            #expect(tally.values == [Int](repeating: 1, count: 50))
        }
    }

    @Test func severalCallersAtOnce() {
        let callers = 3, calls = 2000
        let tally = Tally(callers * 8)
        for number in 0..<callers {
            let box = UnsafeMutablePointer<(Int, Tally)>.allocate(capacity: 1)
            box.initialize(to: (number, tally))
            let started = startThread(box) { raw in
                let box = raw.assumingMemoryBound(to: (Int, Tally).self)
                let (number, tally) = box.move()
                box.deallocate()
                for _ in 0..<2000 { ThreadPool.run(tasks: 8, threads: 3) { tally.raise(number * 8 + $0) } }
            }
            #expect(started)
        }
        let end = monotonicSeconds() + 60
        while tally.values.contains(where: { $0 < calls }), monotonicSeconds() < end { usleep(1000) }
        #expect(tally.values == [Int](repeating: calls, count: callers * 8))
    }

    @Test func childOfAForkMakesWorkersOfItsOwn() {
        ThreadPool.run(tasks: 16, threads: 4) { _ in }
        let child = cFork()
        if child == 0 {
            alarm(20)
            // Both tasks wait for one another: only a second thread, a new one, lets the child end well.
            let arrived = Atomic<Int>(0)
            ThreadPool.run(tasks: 2, threads: 2) { _ in
                arrived.add(1, ordering: .sequentiallyConsistent)
                while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
            }
            _exit(7)
        }
        var status: Int32 = 0
        #expect(child > 0 && waitpid(child, &status, 0) == child)
        #expect(status == 7 << 8, "wait status \(status)")
        let tally = Tally(9)
        ThreadPool.run(tasks: 9, threads: 3) { tally.raise($0) }
        #expect(tally.values == [Int](repeating: 1, count: 9))
    }

    @Test func threadCount() {
        threadCountLock.lock()
        defer { threadCountLock.unlock() }
        let before = Threads.count
        #expect(before >= 1 && before <= processorCount())
        Threads.setCount(3)
        #expect(Threads.count == 3)
        Threads.setCount(-2)
        #expect(Threads.count == 1)
        Threads.setCount(.max)
        #expect(Threads.count == 1024)
        Threads.setCount(before)
    }

    @Test func recursiveLockAdmitsItsHolderAndNobodyElse() {
        let lock = RecursiveLock()
        var total = 0
        withUnsafeMutablePointer(to: &total) { total in
            nonisolated(unsafe) let total = total
            ThreadPool.run(tasks: 4, threads: 4) { _ in
                for _ in 0..<2000 { lock.withLock { lock.withLock { total.pointee += 1 } } }
            }
        }
        #expect(total == 8000)
        struct Thrown: Error {}
        #expect(throws: Thrown.self) { try lock.withLock { throw Thrown() } }
        #expect(lock.withLock { 5 } == 5)
    }

    @Test func clockRises() {
        let start = monotonicSeconds()
        usleep(2000)
        let passed = monotonicSeconds() - start
        #expect(passed >= 0.002 && passed < 5)
    }
}
