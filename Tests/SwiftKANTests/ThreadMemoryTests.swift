// Memory of threads: nested, given back, larger than a block, on several threads.

import Testing
@testable import SwiftKAN

@Suite struct ThreadMemoryTests {
    /// Where a call's memory stands.
    private func place(_ count: Int = 1) -> UInt {
        var place: UInt = 0
        ThreadMemory.with(Double.self, count: count) { place = UInt(bitPattern: $0) }
        return place
    }

    @Test func callsWithinCallsHaveTheirOwn() {
        let free = place()
        ThreadMemory.with(Double.self, count: 3) { a in
            #expect(UInt(bitPattern: a) == free)
            for e in 0..<3 { a[e] = 1 }
            ThreadMemory.with(SIMD8<Double>.self, count: 5) { b in
                #expect(UInt(bitPattern: b) == free + 64)
                for e in 0..<5 { b[e] = SIMD8(repeating: 2) }
                #expect(place() == free + 64 + 320)
            }
            #expect(place() == free + 64)
            #expect((0..<3).allSatisfy { a[$0] == 1 })
        }
        #expect(place() == free && free % 64 == 0)
    }

    @Test(arguments: [1, 2])
    func whatDoesNotFitComesFromTheHeap(times: Int) {
        let (free, last) = (place(), times * ThreadMemory.capacity - 1)
        ThreadMemory.with(UInt8.self, count: last + 1) { large in
            large[last] = 7
            ThreadMemory.with(UInt8.self, count: 1) { small in
                #expect(UInt(bitPattern: small) == free)
                small[0] = 8
            }
            #expect(large[last] == 7)
        }
        #expect(place() == free)
    }

    @Test func everyThreadHasItsOwn() {
        ThreadPool.run(tasks: 64, threads: 4) { task in
            ThreadMemory.with(Int.self, count: 1000) { numbers in
                for e in 0..<1000 { numbers[e] = task }
                #expect((0..<1000).allSatisfy { numbers[$0] == task })
            }
        }
    }
}
