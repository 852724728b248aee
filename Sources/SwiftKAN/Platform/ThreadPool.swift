// ThreadPool: the tasks of one computation on several threads.
//
// What it must get right, in this order:
//   1. Every task runs exactly once, and `run` returns after the last one: whoever else calls, nests or forks.
//   2. Never a deadlock: the caller works too and needs no worker. Whoever cannot have the pool runs its tasks alone.
//   3. A call costs a few microseconds while calls follow one another: workers spin a little before they sleep.
//
// One 64-bit word announces a job: how many threads may take part and how many tasks nobody has taken yet.
//
//     word = threads << 32 | unclaimed
//
// A thread takes task `tasks - unclaimed` by lowering the word by one with compare-and-exchange. Success proves that
// the job is unfinished, because this task is; so only then are `tasks` and `body` read, which were written before the
// word. A worker that wakes too late finds nothing left or takes part in the next job: both are right, and nobody waits
// for it. (Waiting until every worker has checked in was the alternative: one sleeping worker then delays each call.)

import CPlatform
import Synchronization

/// How many threads the library may use.
public enum Threads {
    /// More than this many would not help a computation of this library.
    static let maximum = 1024

    /// 0 until somebody asks or sets.
    private static let chosen = Atomic<Int>(0)

    /// Threads that one call may use, the caller's included. Default: the processors this process may use.
    public static var count: Int {
        let value = chosen.load(ordering: .relaxed)
        if value > 0 { return value }
        let processors = min(processorCount(), maximum)
        let (set, other) = chosen.compareExchange(expected: 0, desired: processors, ordering: .relaxed)
        return set ? processors : other
    }

    /// Lets calls that begin from now on use `n` threads, brought into 1 ... 1024. Results do not depend on it.
    public static func setCount(_ n: Int) {
        chosen.store(min(max(n, 1), maximum), ordering: .relaxed)
    }
}

/// The workers of the process. They are made when first needed and kept, asleep, to its end.
final class ThreadPool: @unchecked Sendable {
    // @unchecked: `body`, `tasks` and `workers` are written by the thread that holds `busy` only, while no task is
    // unclaimed or unfinished, and read by others after they have taken a task (see above).

    private static let shared = ThreadPool()

    private let processors = processorCount()
    private let busy = Atomic<Bool>(false)
    private var workers = 0

    private let word = Atomic<UInt64>(0)
    private var tasks = 0
    /// Two words on the stack of the thread that called `run`.
    private var body: UnsafePointer<swiftkan_closure>?
    private let finished = Atomic<Int>(0)

    /// Where workers sleep until there is a job, and how many do.
    private let bedroom = Monitor()
    private let sleepers = Atomic<Int>(0)
    /// Where the caller sleeps until the last task is finished, and whether it does.
    private let lobby = Monitor()
    private let callerSleeps = Atomic<Bool>(false)

    private init() {
        callInChildAfterFork { ThreadPool.shared.resetInChild() }
    }

    /// Calls `body` once for each of 0 ..< `tasks`, on up to `threads` threads with the caller's, and returns when all
    /// calls have returned. Tasks are taken in rising order but may end in any; on which thread a task runs is chance.
    ///
    /// All run on the calling thread if there is one task, one thread or one processor's worth of room: that is, when
    /// the pool is at work for another call, of which this one may be a task.
    ///
    /// - Parameter whileWaiting: called on the calling thread about every 20 ms while it waits for other threads' last tasks.
    static func run(tasks: Int, threads: Int, whileWaiting: (() -> Void)? = nil, _ body: (Int) -> Void) {
        numbered(tasks: tasks, threads: threads, whileWaiting: whileWaiting) { body($1) }
    }

    /// `run`, but the thread of each number begins with its own part of the tasks, so that what they read and write is still in its
    /// processor's caches if calls of the same kind follow one another; who has finished takes the others' tasks.
    ///
    /// - Parameter body: gets a number below `threads` that its thread alone has during the call and keeps from call to call, and a task.
    static func spread(tasks: Int, threads: Int, whileWaiting: (() -> Void)? = nil, _ body: (Int, Int) -> Void) {
        let threads = min(threads, tasks, Threads.maximum)
        guard threads > 1 else {
            for task in 0..<max(tasks, 0) { body(0, task) }
            return
        }
        ThreadMemory.with(Atomic<Int>.self, count: threads) { next in
            for t in 0..<threads { (next + t).initialize(to: Atomic(t * tasks / threads)) }
            numbered(tasks: threads, threads: threads, whileWaiting: whileWaiting) { number, _ in
                for other in 0..<threads {
                    let t = (number + other) % threads
                    let end = (t + 1) * tasks / threads
                    while true {
                        let task = next[t].add(1, ordering: .relaxed).oldValue
                        guard task < end else { break }
                        body(number, task)
                    }
                }
            }
            next.deinitialize(count: threads)
        }
    }

    private static func numbered(tasks: Int, threads: Int, whileWaiting: (() -> Void)?, _ body: (Int, Int) -> Void) {
        let threads = min(threads, tasks, Threads.maximum)
        if threads > 1, tasks < 1 << 32, shared.busy.exchange(true, ordering: .acquiring) == false {
            defer { shared.busy.store(false, ordering: .releasing) }
            lend(body) { shared.run(tasks: tasks, threads: threads, whileWaiting, $0) }
        } else if tasks > 0 {
            for task in 0..<tasks { body(0, task) }
        }
    }

    private func run(
        tasks: Int, threads: Int, _ whileWaiting: (() -> Void)?, _ body: UnsafePointer<swiftkan_closure>
    ) {
        while workers < threads - 1, startWorker(number: workers + 1) { workers += 1 }
        self.tasks = tasks
        self.body = body
        finished.store(0, ordering: .relaxed)
        // The store and the load of `sleepers` need one total order with the worker's count and its look at the word:
        // either the worker sees the job or this thread sees the sleeper.
        word.store(UInt64(threads) << 32 | UInt64(tasks), ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            bedroom.lock()
            bedroom.wakeAll()
            bedroom.unlock()
        }
        work(number: 0)
        waitForLastTask(tasks, whileWaiting)
        self.body = nil
    }

    // MARK: - Tasks

    /// Takes and runs tasks until none is left. The caller is number 0.
    private func work(number: Int) {
        var done = 0
        var seen = word.load(ordering: .acquiring)
        while Self.isWork(seen, for: number) {
            let (taken, now) = word.weakCompareExchange(
                expected: seen, desired: seen - 1, successOrdering: .acquiring, failureOrdering: .acquiring)
            if taken, let body {
                swiftkan_closure_call(body, number, tasks - Int(UInt32(truncatingIfNeeded: seen)))
                done += 1
            }
            seen = taken ? word.load(ordering: .acquiring) : now
        }
        // While this thread's tasks are not counted the job is unfinished, so `tasks` is still its number of tasks.
        guard done > 0 else { return }
        let all = tasks
        let count = finished.add(done, ordering: .sequentiallyConsistent).newValue
        if count == all, callerSleeps.load(ordering: .sequentiallyConsistent) {
            lobby.lock()
            lobby.wakeAll()
            lobby.unlock()
        }
    }

    private static func isWork(_ word: UInt64, for number: Int) -> Bool {
        word & 0xffff_ffff > 0 && number < Int(word >> 32)
    }

    // MARK: - Waiting

    /// Waits up to 200 µs, as long as a step of training or a few calls from Python take, for `condition` without giving up the
    /// processor; whether it came true. Does not wait at all where the one waited for has no processor to run on.
    private func spin(_ threads: Int, until condition: () -> Bool) -> Bool {
        if condition() { return true }
        guard threads <= processors else { return false }
        let end = monotonicSeconds() + 200e-6
        repeat {
            for _ in 0..<16 {
                if condition() { return true }
                swiftkan_pause()
            }
        } while monotonicSeconds() < end
        return false
    }

    private func waitForLastTask(_ tasks: Int, _ whileWaiting: (() -> Void)?) {
        let threads = Int(word.load(ordering: .relaxed) >> 32)
        if spin(threads, until: { finished.load(ordering: .acquiring) == tasks }) { return }
        lobby.lock()
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while finished.load(ordering: .sequentiallyConsistent) != tasks {
            guard let whileWaiting else {
                lobby.wait()
                continue
            }
            lobby.wait(atMost: 0.02)
            // Not under the lock: it may call back into the program that uses the library.
            lobby.unlock()
            whileWaiting()
            lobby.lock()
        }
        callerSleeps.store(false, ordering: .relaxed)
        lobby.unlock()
    }

    private func waitForWork(number: Int) {
        if spin(number + 1, until: { Self.isWork(word.load(ordering: .relaxed), for: number) }) { return }
        bedroom.lock()
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while !Self.isWork(word.load(ordering: .sequentiallyConsistent), for: number) { bedroom.wait() }
        sleepers.subtract(1, ordering: .relaxed)
        bedroom.unlock()
    }

    // MARK: - Workers

    private func startWorker(number: Int) -> Bool {
        let box = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        box.initialize(to: number)
        let started = startThread(box) { raw in
            let box = raw.assumingMemoryBound(to: Int.self)
            let number = box.pointee
            box.deallocate()
            let pool = ThreadPool.shared
            while true {
                pool.waitForWork(number: number)
                pool.work(number: number)
            }
        }
        if !started { box.deallocate() }
        return started
    }

    /// In the child of a `fork` only the thread that forked exists: no workers, nobody else's job, nobody asleep.
    private func resetInChild() {
        workers = 0
        word.store(0, ordering: .relaxed)
        finished.store(0, ordering: .relaxed)
        sleepers.store(0, ordering: .relaxed)
        callerSleeps.store(false, ordering: .relaxed)
        bedroom.resetInChild()
        lobby.resetInChild()
        busy.store(false, ordering: .sequentiallyConsistent)
    }
}

/// Lends a closure, for other threads to call until `use` returns. `withoutActuallyEscaping` is the language's way, and allocates in
/// every call; this one is C's (cplatform.c), which is built by the same compiler.
@_silgen_name("swiftkan_closure_lend")
private func lend(_ body: (Int, Int) -> Void, _ use: (UnsafePointer<swiftkan_closure>) -> Void)
