// AlignedBuffer: a block of numbers on cache-line boundaries, owned by one object.
//
// What it must get right: an allocation that fails is an error the user sees, never a trap; vectors of 64 bytes may be
// read and written at every multiple of their size.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `count` numbers, set to zero, at a 64-byte boundary and padded to a whole number of vectors.
final class AlignedBuffer<T: KANScalar>: @unchecked Sendable {
    let base: UnsafeMutablePointer<T>
    let count: Int

    /// - Throws: `KANError.noMemory`.
    init(count: Int) throws(KANError) {
        let (bytes, overflow) = (count + T.lanes).multipliedReportingOverflow(by: MemoryLayout<T>.stride)
        let rounded = (bytes + 63) & ~63
        var raw: UnsafeMutableRawPointer?
        guard !overflow, posix_memalign(&raw, 64, max(rounded, 64)) == 0, let raw else { throw .noMemory(bytes) }
        memset(raw, 0, rounded)
        base = raw.bindMemory(to: T.self, capacity: count)
        self.count = count
    }

    deinit { free(base) }

    /// The same memory as vectors.
    var vectors: UnsafeMutablePointer<T.Vector> {
        UnsafeMutableRawPointer(base).assumingMemoryBound(to: T.Vector.self)
    }

    func fillWithZero() { memset(base, 0, count * MemoryLayout<T>.stride) }
}
