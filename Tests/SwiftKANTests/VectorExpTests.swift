// The exponential function of vectors against the C library's.

import Testing
#if canImport(Glibc)
import Glibc
#endif
@testable import SwiftKAN

@Suite struct VectorExpTests {
    /// Distance to the C library's value in units in the last place; the worst over a fine sweep of the range.
    @Test func doubleWithinTwoUlps() {
        var worst = 0.0
        var x = -745.0
        while x < 709.7 {
            let reference = Glibc.exp(x)
            let value = Double.exp(SIMD8<Double>(repeating: x))[3]
            worst = max(worst, abs(value - reference) / reference.ulp)
            x += 0.00731
        }
        #expect(worst <= 2, "worst error \(worst) ulp")
    }

    @Test func floatWithinTwoUlps() {
        var worst: Float = 0
        var x: Float = -103
        while x < 88.7 {
            let reference = Glibc.expf(x)
            let value = Float.exp(SIMD16<Float>(repeating: x))[5]
            worst = max(worst, abs(value - reference) / reference.ulp)
            x += 0.00131
        }
        #expect(worst <= 2, "worst error \(worst) ulp")
    }

    @Test func specialValues() {
        let x = SIMD8<Double>(.infinity, -.infinity, .nan, 0, -0.0, 1e300, -1e300, 709)
        let y = Double.exp(x)
        #expect(y[0] == .infinity && y[1] == 0 && y[2].isNaN && y[3] == 1 && y[4] == 1)
        #expect(y[5] == .infinity && y[6] == 0 && y[7].isFinite)
        let z = Float.exp(SIMD16<Float>(repeating: .nan))
        #expect(z[0].isNaN)
        #expect(Float.exp(SIMD16<Float>(repeating: -.infinity))[1] == 0)
        #expect(Float.exp(SIMD16<Float>(repeating: .infinity))[1] == .infinity)
    }
}
