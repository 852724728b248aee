// ThreadMemory: memory for the time of a call, from a block that every thread keeps for itself.
//
// `withUnsafeTemporaryAllocation` takes more than 1 KB from the heap, in every call; for what a regulariser needs for every input of a wide
// layer that is thousands of times a step.
//
// What it must get right, in this order:
//   1. Calls within calls have memory of their own, and give it back in the order of a stack.
//   2. What does not fit the block, or where there is no block to be had, comes from the heap.
//   3. A thread that ends gives its block back.

enum ThreadMemory {
    /// Bytes of a thread's block: what wide layers of 400 cells need.
    static let capacity = 256 << 10
    /// What stands at the head of a block: the bytes in use, itself included.
    private static let head = 64

    private static let key = makeThreadKey()

    /// The block of the calling thread.
    private static var block: UnsafeMutableRawPointer? {
        guard let key else { return nil }
        if let block = threadValue(key) { return block }
        guard let block = allocateBlock(capacity) else { return nil }
        block.initializeMemory(as: Int.self, to: head)
        guard setThreadValue(key, block) else {
            freeBlock(block)
            return nil
        }
        return block
    }

    /// Calls `body` with memory for `count` plain values (numbers, vectors, atomics), not initialised, at a 64-byte boundary.
    @inline(__always)
    static func with<Value: ~Copyable>(_: Value.Type, count: Int, _ body: (UnsafeMutablePointer<Value>) -> Void) {
        let bytes = (count &* MemoryLayout<Value>.stride + 63) & ~63
        let (memory, used) = take(bytes)
        defer { if let used { used.pointee -= bytes } else { memory.deallocate() } }
        body(memory.bindMemory(to: Value.self, capacity: count))
    }

    /// So many bytes, and where their block counts those in use; nil if they are of the heap.
    @inline(never)
    private static func take(_ bytes: Int) -> (UnsafeMutableRawPointer, used: UnsafeMutablePointer<Int>?) {
        if let block {
            let used = block.assumingMemoryBound(to: Int.self)
            if bytes <= capacity - used.pointee {
                defer { used.pointee += bytes }
                return (block + used.pointee, used)
            }
        }
        return (UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64), nil)
    }
}
