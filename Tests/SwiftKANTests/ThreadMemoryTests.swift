import Testing

@testable import SwiftKAN

@Suite("Memory of threads")
struct ThreadMemoryTests {
    @Test("Calls within calls have memory of their own and give it back")
    func nests() {
        let before = ThreadMemory.used
        ThreadMemory.with(Double.self, count: 3) { a in
            for e in 0..<3 { a[e] = 1 }
            #expect(ThreadMemory.used == before + 64)
            ThreadMemory.with(SIMD8<Double>.self, count: 5) { b in
                for e in 0..<5 { b[e] = SIMD8(repeating: 2) }
                #expect(ThreadMemory.used == before + 64 + 320)
                #expect(UInt(bitPattern: a) % 64 == 0 && UInt(bitPattern: b) % 64 == 0)
            }
            #expect((0..<3).allSatisfy { a[$0] == 1 })
        }
        #expect(ThreadMemory.used == before)
    }

    @Test("What does not fit comes from the heap", arguments: [1, 2])
    func overflows(times: Int) {
        let before = ThreadMemory.used
        ThreadMemory.with(UInt8.self, count: times * ThreadMemory.capacity) { large in
            large[times * ThreadMemory.capacity - 1] = 7
            #expect(ThreadMemory.used == before)
            ThreadMemory.with(UInt8.self, count: 1) { small in
                small[0] = 8
                #expect(ThreadMemory.used == before + 64)
                #expect(large[times * ThreadMemory.capacity - 1] == 7)
            }
        }
        #expect(ThreadMemory.used == before)
    }

    @Test("Every thread has its own")
    func threads() {
        ThreadPool.run(tasks: 64, threads: 4) { task in
            ThreadMemory.with(Int.self, count: 1000) { numbers in
                for e in 0..<1000 { numbers[e] = task }
                #expect((0..<1000).allSatisfy { numbers[$0] == task })
            }
        }
    }
}
