// RowComparison: questions about many numbers that are answered by their bits, a cache line at a time.
//
// What it must get right, in this order:
//   1. -0 is zero, NaN is not; numbers whose bits are the same are the same, NaN too.
//   2. Nothing beyond the `count` numbers is read.
//
// The compiler makes single comparisons with branches of the obvious loops, which take three times as long as reading the memory.

enum RowComparison<T: KANScalar> {
    private typealias Line = SIMD8<UInt64>
    private static var perLine: Int { MemoryLayout<Line>.size / MemoryLayout<T>.stride }

    @inline(__always)
    private static func line(_ p: UnsafePointer<T>, _ e: Int) -> Line { UnsafeRawPointer(p + e).loadUnaligned(as: Line.self) }

    /// Are all numbers zero.
    @inline(never)
    static func areZero(_ p: UnsafePointer<T>, _ count: Int) -> Bool {
        let magnitude: UInt64 = MemoryLayout<T>.stride == 4 ? 0x7FFF_FFFF_7FFF_FFFF : 0x7FFF_FFFF_FFFF_FFFF
        var (found, e) = (Line.zero, 0)
        while e &+ perLine <= count {
            found |= line(p, e) & Line(repeating: magnitude)
            e = e &+ perLine
        }
        return found == .zero && (e..<count).allSatisfy { p[$0] == 0 }
    }

    /// Are two rows the same numbers.
    @inline(never)
    static func areSame(_ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ count: Int) -> Bool {
        var (found, e) = (Line.zero, 0)
        while e &+ perLine <= count {
            found |= line(a, e) ^ line(b, e)
            e = e &+ perLine
        }
        return found == .zero && (e..<count).allSatisfy { a[$0] == b[$0] || (a[$0].isNaN && b[$0].isNaN) }
    }
}
