// The binary logarithm of vectors against the C library's.

import Testing
#if canImport(Glibc)
import Glibc
#endif
@testable import SwiftKAN

@Suite struct VectorLogTests {
    /// The worst distance to the C library's value over a fine sweep of all exponents, and of numbers next to 1 and to √2.
    @Test func withinTwoUlps() {
        var worst = 0.0
        func judge(_ x: Double) {
            let reference = Glibc.log2(x)
            let value = Double.log2(SIMD8<Double>(repeating: x))[3]
            worst = max(worst, abs(value - reference) / max(abs(reference).ulp, Double(1).ulp))
        }
        var x = 3e-308
        while x < 1e308 {
            judge(x)
            x *= 1.00137
        }
        for centre in [Double(0.5).squareRoot(), 1, Double(2).squareRoot(), 1e-4] {
            for step in -200...200 {
                judge(centre * (1 + 1e-5 * Double(step)))
                judge(centre * (1 + 1e-15 * Double(step)))
            }
        }
        #expect(worst <= 2, "worst error \(worst) ulp")
    }

    @Test func exactAndSpecialValues() {
        let y = Double.log2(SIMD8<Double>(1, 2, 0.5, 0x1p-1022, 0x1p1023, .nan, .infinity, 1024))
        #expect(y[0] == 0 && y[1] == 1 && y[2] == -1 && y[3] == -1022 && y[4] == 1023 && y[5].isNaN && y[6].isNaN && y[7] == 10)
    }
}
