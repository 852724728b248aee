// silu, identity and zero: values by their formulas, derivatives by differences, the far ends.

import Testing
@testable import SwiftKAN

private func rows<T: KANScalar>(_ base: BaseFunction, _ x: [T]) throws -> (value: [T], derivative: [T]) {
    let nv = (x.count + T.lanes - 1) / T.lanes
    let points = try Rows([x], nv: nv)
    let (value, derivative, alone) = (try Rows<T>(1, nv: nv), try Rows<T>(1, nv: nv), try Rows<T>(1, nv: nv))
    base.rows(T.self, x: points.vectors, nv: nv, value: value.vectors, derivative: derivative.vectors)
    base.rows(T.self, x: points.vectors, nv: nv, value: alone.vectors, derivative: nil)
    for s in x.indices { #expect(alone[0, s] == value[0, s] || alone[0, s].isNaN && value[0, s].isNaN) }
    return (x.indices.map { value[0, $0] }, x.indices.map { derivative[0, $0] })
}

@Suite struct BaseFunctionRowsTests {
    private let points = stride(from: -40.0, through: 40, by: 0.37).map { $0 } + [0]

    @Test func silu() throws {
        let (value, derivative) = try rows(.silu, points)
        for (s, x) in points.enumerated() {
            let sigmoid = 1 / (1 + Double.exp(-x))
            #expect(abs(value[s] - x * sigmoid) <= 4 * (x * sigmoid).ulp)
            let h = 1e-3
            let around = [-2.0, -1, 1, 2].map { (x + $0 * h) / (1 + Double.exp(-(x + $0 * h))) }
            let difference = (8 * (around[2] - around[1]) - (around[3] - around[0])) / (12 * h)
            #expect(abs(derivative[s] - difference) < 1e-10 * max(1, abs(x)), "at \(x)")
        }
    }

    @Test func siluFarOut() throws {
        let (value, derivative) = try rows(.silu, [800, 1e300, -800, -1e9, .nan, 0, -1e308, -690])
        #expect(value[0] == 800 && value[1] == 1e300 && abs(value[2]) < 1e-290 && abs(value[3]) < 1e-290 && value[4].isNaN && value[5] == 0, "\(value)")
        #expect(derivative[0] == 1 && abs(derivative[2]) < 1e-290 && derivative[4].isNaN && derivative[5] == 0.5, "\(derivative)")
        #expect(value[6] == 0 && derivative[6] == 0 && value[7] < 0 && value[7] > -1e-290, "\(value)")
        let single = try rows(.silu, [Float(200), -200, .nan])
        #expect(single.value[0] == 200 && single.value[1] == 0 && single.value[2].isNaN)
    }

    @Test func identityAndZero() throws {
        let identity = try rows(.identity, points)
        #expect(identity.value == points && identity.derivative.allSatisfy { $0 == 1 })
        let zero = try rows(.zero, points)
        #expect(zero.value.allSatisfy { $0 == 0 } && zero.derivative.allSatisfy { $0 == 0 })
        #expect(try rows(.zero, [Double.nan]).value[0].isNaN)
    }
}
