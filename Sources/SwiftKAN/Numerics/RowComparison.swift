// RowComparison: questions about many numbers that are answered by their bits, a cache line at a time.
//
// What it must get right, in this order:
//   1. Numbers are the same if their bits are: NaN is NaN, and -0 is not 0.
//   2. Nothing beyond the `count` numbers is read.
//
// The compiler makes single comparisons with branches of the obvious loops, which take three times as long as reading the memory.

enum RowComparison<T: KANScalar> {
    private typealias Line = SIMD8<UInt64>
    private static var perLine: Int { MemoryLayout<Line>.size / MemoryLayout<T>.stride }

    @inline(__always)
    private static func line(_ p: UnsafePointer<T>, _ e: Int) -> Line { UnsafeRawPointer(p + e).loadUnaligned(as: Line.self) }

    /// Are all numbers the one given, bit by bit.
    @inline(never)
    static func areAll(_ p: UnsafePointer<T>, _ count: Int, _ number: T) -> Bool {
        withUnsafeTemporaryAllocation(of: T.self, capacity: perLine) { memory in
            guard let start = memory.baseAddress else { return false }
            start.initialize(repeating: number, count: perLine)
            let expected = line(start, 0)
            var (found, e) = (Line.zero, 0)
            while e &+ perLine <= count {
                found |= line(p, e) ^ expected
                e = e &+ perLine
            }
            return found == .zero && areSame(p + e, start, count &- e)
        }
    }

    /// Are two rows the same numbers.
    @inline(never)
    static func areSame(_ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ count: Int) -> Bool {
        var (found, e) = (Line.zero, 0)
        while e &+ perLine <= count {
            found |= line(a, e) ^ line(b, e)
            e = e &+ perLine
        }
        let (x, y) = (UnsafeRawBufferPointer(start: a + e, count: (count &- e) &* MemoryLayout<T>.stride), UnsafeRawPointer(b + e))
        return found == .zero && x.indices.allSatisfy { x[$0] == y.load(fromByteOffset: $0, as: UInt8.self) }
    }
}
