// RowComparison: questions about many numbers that are answered by their bits, a cache line at a time.
//
// What it must get right, in this order:
//   1. Numbers are the same if their bits are: NaN is NaN, and -0 is not 0.
//   2. Nothing beyond the `count` numbers is read.
//
// The compiler makes single comparisons with branches of the obvious loops, which take three times as long as reading the memory.

enum RowComparison<T: KANScalar> {
    private typealias Line = SIMD8<UInt64>

    @inline(__always)
    private static func line(_ p: UnsafePointer<T>, _ e: Int) -> Line { UnsafeRawPointer(p + e).loadUnaligned(as: Line.self) }

    /// Are all numbers the one given, bit by bit.
    @inline(never)
    static func areAll(_ p: UnsafePointer<T>, _ count: Int, _ number: T) -> Bool {
        withUnsafePointer(to: T.Vector(repeating: number)) { vector in
            let expected = UnsafeRawPointer(vector).assumingMemoryBound(to: T.self)
            let numbers = line(expected, 0)
            var (found, e) = (Line.zero, 0)
            while e &+ T.lanes <= count {
                found |= line(p, e) ^ numbers
                e = e &+ T.lanes
            }
            return found == .zero && areSame(p + e, expected, count &- e)
        }
    }

    /// Are two rows the same numbers.
    @inline(never)
    static func areSame(_ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ count: Int) -> Bool {
        var (found, e) = (Line.zero, 0)
        while e &+ T.lanes <= count {
            found |= line(a, e) ^ line(b, e)
            e = e &+ T.lanes
        }
        let (x, y) = (UnsafeRawBufferPointer(start: a + e, count: (count &- e) &* MemoryLayout<T>.stride), UnsafeRawPointer(b + e))
        return found == .zero && x.indices.allSatisfy { x[$0] == y.load(fromByteOffset: $0, as: UInt8.self) }
    }
}
