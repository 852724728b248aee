// The scalar types: lanes, elementary functions by the C library, and the comparisons of vectors, NaN included.

import Testing
@testable import SwiftKAN

@Suite struct KANScalarTests {
    @Test func aVectorIsACacheLine() {
        #expect(Double.lanes == 8 && Float.lanes == 16)
        #expect(MemoryLayout<Double.Vector>.stride == 64 && MemoryLayout<Float.Vector>.stride == 64)
    }

    /// Every name leads to its own function: values by known identities.
    @Test func elementaryFunctions() {
        func check<T: KANScalar>(_: T.Type, _ tolerance: T) {
            let x: T = 0.3
            func same(_ a: T, _ b: T) -> Bool { abs(a - b) <= tolerance }
            #expect(same(T.exp(1), 2.718281828459045) && same(T.log(T.exp(x)), x) && same(T.log1p(x), T.log(1 + x)))
            #expect(same(T.sin(x), 0.29552020666133955) && same(T.cos(x), 0.955336489125606))
            #expect(same(T.tan(x), T.sin(x) / T.cos(x)) && same(T.tanh(x), (T.exp(2 * x) - 1) / (T.exp(2 * x) + 1)))
            #expect(same(T.asin(T.sin(x)), x) && same(T.acos(T.cos(x)), x) && same(T.atan(T.tan(x)), x))
            #expect(same(T.atanh(T.tanh(x)), x))
            #expect(T.log(-1).isNaN && T.log(0) == -.infinity && T.exp(.infinity) == .infinity && T.asin(2).isNaN)
        }
        check(Double.self, 1e-15)
        check(Float.self, 2e-7)
    }

    @Test func comparisonsInEveryLane() {
        func check<T: KANScalar>(_: T.Type) {
            var x = T.Vector(repeating: 0.5)
            let values: [T] = [-1, 0, 0.25, 0.5, 1, .nan, .infinity, -.infinity]
            for (lane, value) in values.enumerated() { x[lane] = value }
            let (atLeast, above, clamped) = (T.atLeast(x, 0.5), T.above(x, 0.5), T.clamp(x, 0, 0.75))
            for lane in 0..<T.lanes {
                let v = x[lane]
                #expect(atLeast[lane] == (v >= 0.5 ? 1 : 0), "\(v)")
                #expect(above[lane] == (v > 0.5 ? 1 : 0), "\(v)")
                #expect(v.isNaN ? clamped[lane].isNaN : clamped[lane] == min(max(v, 0), 0.75))
            }
            var g = T.Vector(repeating: 1)
            for lane in stride(from: 0, to: T.lanes, by: 2) { g[lane] = lane % 4 == 0 ? 0 : -0.0 }
            let chosen = T.zeroWhereZero(x, g)
            for lane in 0..<T.lanes {
                if lane % 2 == 0 { #expect(chosen[lane] == 0) }
                else { #expect(chosen[lane] == x[lane] || x[lane].isNaN && chosen[lane].isNaN) }
            }
        }
        check(Double.self)
        check(Float.self)
    }
}
