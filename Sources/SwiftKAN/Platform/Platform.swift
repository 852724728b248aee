// Platform: the one file that imports the C library. Everything else of the engine is plain Swift.
//
// What it must get right, in this order:
//   1. The same names and types on Linux and on macOS.
//   2. Nothing of Foundation or Dispatch: start-up time, and `fork`.

import CPlatform
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

// MARK: - Time and processors

/// Seconds on a clock that never goes back; only differences mean something.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The processors that this process may use, at least 1.
func processorCount() -> Int { Int(swiftkan_processor_count()) }

// MARK: - Memory

/// Zeroed memory at a 64-byte boundary, to be given to `freeAligned` with the same number of bytes; nil if there is none.
///
/// From 8 MB on it comes from the system as zeros and is there only once it is touched: workspaces have rows that most sweeps never use.
func allocateAligned(_ bytes: Int) -> UnsafeMutableRawPointer? {
    if isMapped(bytes) {
        let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        return raw == MAP_FAILED ? nil : raw
    }
    guard let raw = allocateBlock(bytes) else { return nil }
    memset(raw, 0, bytes)
    return raw
}

func freeAligned(_ raw: UnsafeMutableRawPointer, _ bytes: Int) {
    if isMapped(bytes) { munmap(raw, bytes) } else { freeBlock(raw) }
}

/// Memory at a 64-byte boundary as it comes, for `freeBlock`; nil if there is none.
func allocateBlock(_ bytes: Int) -> UnsafeMutableRawPointer? {
    var raw: UnsafeMutableRawPointer?
    return posix_memalign(&raw, 64, bytes) == 0 ? raw : nil
}

func freeBlock(_ raw: UnsafeMutableRawPointer) { free(raw) }

private func isMapped(_ bytes: Int) -> Bool { bytes >= 8 << 20 }

/// Could so much memory be had at this moment.
func isAvailable(bytes: Int) -> Bool {
    // Not malloc: compilers may leave out one that is only freed.
    guard let raw = allocateBlock(bytes) else { return false }
    freeBlock(raw)
    return true
}

/// Asks for memory that will be read soon, without waiting for it.
@inline(__always)
func prefetch(_ start: UnsafeRawPointer, bytes: Int) {
    for offset in stride(from: 0, to: bytes, by: 64) { swiftkan_prefetch(start + offset) }
}

// MARK: - Threads

/// A number that tells the calling thread from all others alive.
func currentThreadIdentifier() -> UInt {
    #if canImport(Darwin)
    UInt(bitPattern: pthread_self())
    #else
    UInt(pthread_self())
    #endif
}

/// A mutex with a condition variable. Its memory stays at one place, as POSIX demands, hence a class.
final class Monitor: @unchecked Sendable {
    // @unchecked: POSIX synchronises what the pointers lead to; the pointers never change.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let recursive: Bool

    /// - Parameter recursive: the thread that holds the mutex may lock it again.
    init(recursive: Bool = false) {
        self.recursive = recursive
        setUp()
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    private func setUp() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        let kind = recursive ? CInt(PTHREAD_MUTEX_RECURSIVE) : CInt(PTHREAD_MUTEX_NORMAL)
        pthread_mutexattr_settype(&attributes, kind)
        let failed = pthread_mutex_init(mutex, &attributes)
        precondition(failed == 0, "pthread_mutex_init failed")
        pthread_mutexattr_destroy(&attributes)
        pthread_cond_init(condition, nil)
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    /// Unlocks, sleeps until `wakeAll` (or for no reason at all), and locks again.
    func wait() { pthread_cond_wait(condition, mutex) }
    /// As `wait`, but for a time given in seconds at most.
    func wait(atMost seconds: Double) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let nanoseconds = time.tv_nsec + Int(seconds * 1e9)
        time.tv_sec += nanoseconds / 1_000_000_000
        time.tv_nsec = nanoseconds % 1_000_000_000
        pthread_cond_timedwait(condition, mutex, &time)
    }
    func wakeAll() { pthread_cond_broadcast(condition) }

    /// Makes both as new, whoever held them; for the child of a `fork`, where those threads do not exist.
    func resetInChild() { setUp() }
}

/// Starts a thread that runs `body(argument)`; false if the system has no more threads to give.
///
/// The thread takes no signals: they are for the threads of the program that uses the library (Python acts on Ctrl-C
/// in its main thread).
func startThread(_ argument: UnsafeMutableRawPointer, _ body: @convention(c) (UnsafeMutableRawPointer) -> Void) -> Bool {
    // The start routine's type differs between systems, so the two words travel in a box.
    typealias Start = (argument: UnsafeMutableRawPointer, body: @convention(c) (UnsafeMutableRawPointer) -> Void)
    let box = UnsafeMutablePointer<Start>.allocate(capacity: 1)
    box.initialize(to: (argument, body))

    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    #if canImport(Darwin)
    var thread: pthread_t?
    #else
    var thread = pthread_t()
    #endif
    let failed = pthread_create(&thread, nil, { raw in
        #if canImport(Darwin)
        let box = raw.assumingMemoryBound(to: Start.self)
        #else
        let box = raw!.assumingMemoryBound(to: Start.self)
        #endif
        let start = box.pointee
        box.deallocate()
        start.body(start.argument)
        return nil
    }, box)
    if failed != 0 {
        box.deallocate()
        return false
    }
    #if canImport(Darwin)
    if let thread { pthread_detach(thread) }
    #else
    pthread_detach(thread)
    #endif
    return true
}

/// A key under which every thread keeps a block of `allocateBlock`, which is freed when the thread ends; nil if the system has no more keys.
func makeThreadKey() -> pthread_key_t? {
    var key = pthread_key_t()
    return pthread_key_create(&key, { free($0) }) == 0 ? key : nil
}

func threadValue(_ key: pthread_key_t) -> UnsafeMutableRawPointer? { pthread_getspecific(key) }

/// False if the system has no memory for it.
func setThreadValue(_ key: pthread_key_t, _ block: UnsafeMutableRawPointer) -> Bool { pthread_setspecific(key, block) == 0 }

/// Calls `handler` in every child of a `fork` from now on, before `fork` returns there.
func callInChildAfterFork(_ handler: @escaping @convention(c) () -> Void) {
    pthread_atfork(nil, nil, handler)
}

// MARK: - Elementary functions
// One name each for Double and Float; `KANScalar` gives them to generic code.

@inline(__always) func cExp(_ x: Double) -> Double { exp(x) }
@inline(__always) func cLog(_ x: Double) -> Double { log(x) }
@inline(__always) func cLog1p(_ x: Double) -> Double { log1p(x) }
@inline(__always) func cSin(_ x: Double) -> Double { sin(x) }
@inline(__always) func cCos(_ x: Double) -> Double { cos(x) }
@inline(__always) func cTan(_ x: Double) -> Double { tan(x) }
@inline(__always) func cTanh(_ x: Double) -> Double { tanh(x) }
@inline(__always) func cAtanh(_ x: Double) -> Double { atanh(x) }
@inline(__always) func cAsin(_ x: Double) -> Double { asin(x) }
@inline(__always) func cAcos(_ x: Double) -> Double { acos(x) }
@inline(__always) func cAtan(_ x: Double) -> Double { atan(x) }

@inline(__always) func cExp(_ x: Float) -> Float { expf(x) }
@inline(__always) func cLog(_ x: Float) -> Float { logf(x) }
@inline(__always) func cLog1p(_ x: Float) -> Float { log1pf(x) }
@inline(__always) func cSin(_ x: Float) -> Float { sinf(x) }
@inline(__always) func cCos(_ x: Float) -> Float { cosf(x) }
@inline(__always) func cTan(_ x: Float) -> Float { tanf(x) }
@inline(__always) func cTanh(_ x: Float) -> Float { tanhf(x) }
@inline(__always) func cAtanh(_ x: Float) -> Float { atanhf(x) }
@inline(__always) func cAsin(_ x: Float) -> Float { asinf(x) }
@inline(__always) func cAcos(_ x: Float) -> Float { acosf(x) }
@inline(__always) func cAtan(_ x: Float) -> Float { atanf(x) }
