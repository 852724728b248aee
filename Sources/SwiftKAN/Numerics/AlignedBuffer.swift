// AlignedBuffer: a block of numbers on cache-line boundaries, owned by one object.
//
// What it must get right: an allocation that fails is an error the user sees, never a trap; vectors of 64 bytes may be
// read and written at every multiple of their size.

/// `count` numbers, set to zero, at a 64-byte boundary and padded to a whole number of vectors.
final class AlignedBuffer<T: KANScalar>: @unchecked Sendable {
    let base: UnsafeMutablePointer<T>
    let count: Int
    private let bytes: Int

    /// - Throws: `KANError.noMemory`.
    init(count: Int) throws(KANError) {
        let (bytes, overflow) = (count + T.lanes).multipliedReportingOverflow(by: MemoryLayout<T>.stride)
        guard !overflow, bytes < Int.max - 64, let raw = allocateAligned((bytes + 63) & ~63) else {
            throw .noMemory(bytes)
        }
        self.bytes = (bytes + 63) & ~63
        base = raw.bindMemory(to: T.self, capacity: count)
        self.count = count
    }

    deinit { freeAligned(base, bytes) }

    /// The same memory as vectors.
    var vectors: UnsafeMutablePointer<T.Vector> {
        UnsafeMutableRawPointer(base).assumingMemoryBound(to: T.Vector.self)
    }

    func fillWithZero() { base.update(repeating: 0, count: count) }
}

/// Asks for memory before Swift's own arrays take it, because an array that cannot grow ends the process.
///
/// A question and no promise: another thread may take the memory meanwhile.
/// - Parameter count: how many numbers of 8 bytes, at most; a `Double`, so that no product overflows.
/// - Throws: `KANError.noMemory`.
func requireMemory(doubles count: Double) throws(KANError) {
    let slack = 0x1p20  // for all that is small
    let bytes = min(8 * count + slack, 0x1p62).truncated
    guard isAvailable(bytes: bytes) else { throw .noMemory(bytes) }
}
