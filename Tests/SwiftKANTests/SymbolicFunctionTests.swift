// The symbolic functions: names, values against the C library, derivatives against differences, edges of domains, and
// the pieces of the bounded forms.

import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif
@testable import SwiftKAN

/// pykan's library in its order: name, complexity, the function by the C library, and the open set where it is smooth.
private let library: [(name: String, complexity: Int, f: @Sendable (Double) -> Double, smooth: ClosedRange<Double>)] = [
    ("x", 1, { $0 }, -9...9), ("x^2", 2, { pow($0, 2) }, -9...9), ("x^3", 3, { pow($0, 3) }, -9...9),
    ("x^4", 3, { pow($0, 4) }, -9...9), ("x^5", 3, { pow($0, 5) }, -9...9),
    ("1/x", 2, { pow($0, -1) }, -9...9), ("1/x^2", 2, { pow($0, -2) }, -9...9), ("1/x^3", 3, { pow($0, -3) }, -9...9),
    ("1/x^4", 4, { pow($0, -4) }, -9...9), ("1/x^5", 5, { pow($0, -5) }, -9...9),
    ("sqrt", 2, { pow($0, 0.5) }, 0...9), ("x^0.5", 2, { pow($0, 0.5) }, 0...9), ("x^1.5", 4, { pow($0, 1.5) }, 0...9),
    ("1/sqrt(x)", 2, { pow($0, -0.5) }, 0...9), ("1/x^0.5", 2, { pow($0, -0.5) }, 0...9),
    ("exp", 2, { exp($0) }, -9...9), ("log", 2, { log($0) }, 0...9), ("abs", 3, { fabs($0) }, -9...9),
    ("sin", 2, { sin($0) }, -9...9), ("cos", 2, { cos($0) }, -9...9), ("tan", 3, { tan($0) }, -9...9),
    ("tanh", 3, { tanh($0) }, -9...9), ("sgn", 3, { $0 == 0 ? 0 : copysign(1, $0) }, -9...9),
    ("arcsin", 4, { asin($0) }, -1...1), ("arccos", 4, { acos($0) }, -1...1), ("arctan", 4, { atan($0) }, -9...9),
    ("arctanh", 4, { atanh($0) }, -1...1), ("0", 0, { _ in 0 }, -9...9), ("gaussian", 3, { exp(-pow($0, 2)) }, -9...9),
]

/// Where the bounded form for `yTh` changes its piece (0 stands for the kinks and poles there), by its definition.
private func thresholds(_ function: SymbolicFunction, _ yTh: Double) -> [Double] {
    switch function {
    case .inverse: [1 / yTh]
    case .inversePow2: [pow(yTh, -1 / 2.0)]
    case .inversePow3: [pow(yTh, -1 / 3.0)]
    case .inversePow4: [pow(yTh, -1 / 4.0)]
    case .inversePow5: [pow(yTh, -1 / 5.0)]
    case .sqrt, .xPowHalf, .inverseSqrt, .inversePowHalf: [pow(yTh, -2)]
    case .log: [exp(-yTh)]
    case .exp: [log(yTh)]
    case .tan:
        [-3.0, -1, 1, 3].flatMap { (pole: Double) -> [Double] in
            let centre = pole * Double.pi / 2, delta = atan(1 / yTh)
            return [centre - delta, centre + delta]
        }
    case .arcsin, .arccos: [1]
    case .arctanh: [tanh(yTh) - 1e-4]
    default: []
    }
}

private func evaluate<T: KANScalar>(_ function: SymbolicFunction, _ x: [T], yTh: T? = nil) -> (y: [T], dy: [T]) {
    var y = [T](repeating: 7, count: x.count), dy = y, alone = y
    function.evaluate(
        x, count: x.count, value: &y, derivative: &dy, avoidSingularities: yTh != nil, yTh: yTh ?? .nan)
    function.evaluate(
        x, count: x.count, value: &alone, derivative: nil, avoidSingularities: yTh != nil, yTh: yTh ?? .nan)
    for n in x.indices { #expect(alone[n] == y[n] || alone[n].isNaN && y[n].isNaN, "\(function) at \(x[n])") }
    return (y, dy)
}

private func evaluate<T: KANScalar>(_ function: SymbolicFunction, _ x: T, yTh: T? = nil) -> (y: T, dy: T) {
    let (y, dy) = evaluate(function, [x], yTh: yTh)
    return (y[0], dy[0])
}

/// Points on both sides of 0, near and far.
private let points: [Double] = stride(from: -4.987, to: 5, by: 0.0531).map { $0 } + [-0.07, -0.011, 0.0041, 0.011, 0.07]

@Suite struct SymbolicFunctionTests {
    @Test func namesOrderAndComplexity() {
        #expect(SymbolicFunction.allCases.map(\.name) == library.map(\.name))
        #expect(SymbolicFunction.allCases.map(\.complexity) == library.map(\.complexity))
        #expect(SymbolicFunction.allCases.map(\.rawValue) == Array(0..<29))
        #expect(Set(SymbolicFunction.allCases.map(\.name)).count == 29)
        for function in SymbolicFunction.allCases {
            #expect(SymbolicFunction(name: function.name) == function)
            #expect(String(cString: UnsafePointer<CChar>(OpaquePointer(function.staticName.utf8Start))) == function.name)
        }
        #expect(SymbolicFunction(name: "cosh") == nil && SymbolicFunction(name: "") == nil)
    }

    @Test(arguments: SymbolicFunction.allCases)
    func plainValues(function: SymbolicFunction) {
        let (_, _, f, smooth) = library[function.rawValue]
        let (y, dy) = evaluate(function, points)
        for (n, x) in points.enumerated() {
            let inside = smooth.contains(x)
            #expect(y[n].isNaN == !inside && dy[n].isNaN == !inside, "\(function) at \(x): \(y[n]), \(dy[n])")
            if inside { #expect(abs(y[n] - f(x)) <= 4 * f(x).ulp, "\(function) at \(x): \(y[n]), not \(f(x))") }
        }
    }

    /// f′ against (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h wherever the five points are on one smooth piece.
    @Test(arguments: SymbolicFunction.allCases, [nil, 10, 2, 0.7] as [Double?])
    func derivatives(function: SymbolicFunction, yTh: Double?) {
        var edges = [0.0]
        if let yTh { edges += thresholds(function, yTh) }
        let smooth = library[function.rawValue].smooth
        var worst = 0.0, checked = 0, worstPlace = 0.0
        for x in points {
            let h = 2e-4 * min(1, abs(x))
            var onOnePiece = edges.allSatisfy { abs(abs(x) - abs($0)) > 3 * h }
            if yTh == nil {
                onOnePiece = onOnePiece && smooth.contains(x - 3 * h) && smooth.contains(x + 3 * h)
                if function == .tan { onOnePiece = onOnePiece && abs(cos(x)) > 0.05 }
            }
            guard onOnePiece else { continue }
            let around = [-2, -1, 1, 2].map { evaluate(function, x + $0 * h, yTh: yTh).y }
            let difference = (8 * (around[2] - around[1]) - (around[3] - around[0])) / (12 * h)
            let (y, dy) = evaluate(function, x, yTh: yTh)
            let error = abs(dy - difference) / (abs(dy) + abs(y) + 1)
            if !(error <= worst) { (worst, worstPlace) = (error, x) }
            checked += 1
        }
        #expect(worst < 1e-9, "\(function), yTh \(yTh ?? .nan): \(worst) at \(worstPlace)")
        #expect(checked >= 30, "\(checked) points")
    }

    /// Float's results against Double's at the same points.
    @Test(arguments: SymbolicFunction.allCases, [nil, 10, 2] as [Double?])
    func floatAgreesWithDouble(function: SymbolicFunction, yTh: Double?) {
        let single = points.map { Float($0) }
        let (y, dy) = evaluate(function, single, yTh: yTh.map { Float($0) })
        let exact = evaluate(function, single.map { Double($0) }, yTh: yTh)
        let edges = yTh.map { thresholds(function, $0) } ?? []
        for (n, x) in single.enumerated() where edges.allSatisfy({ abs(Double(x.magnitude) - abs($0)) > 1e-5 }) {
            #expect(y[n].isNaN == exact.y[n].isNaN && dy[n].isNaN == exact.dy[n].isNaN)
            if exact.y[n].isNaN { continue }
            #expect(abs(Double(y[n]) - exact.y[n]) <= 1e-6 * (1 + abs(exact.y[n])), "\(function) at \(x)")
            #expect(abs(Double(dy[n]) - exact.dy[n]) <= 1e-5 * (1 + abs(exact.dy[n])), "\(function)′ at \(x)")
        }
    }

    // MARK: - Bounded forms

    /// Beyond the thresholds a bounded form is the function itself, taken of |x| where it is not defined below 0.
    @Test(arguments: SymbolicFunction.allCases)
    func boundedFormIsTheFunctionAwayFromItsSingularities(function: SymbolicFunction) {
        let (y, dy) = evaluate(function, points, yTh: 1e4)
        let plain = evaluate(function, points)
        for (n, x) in points.enumerated() where !plain.y[n].isNaN && plain.y[n].magnitude < 9 && abs(x) < 0.99 {
            #expect(y[n] == plain.y[n] && dy[n] == plain.dy[n], "\(function) at \(x)")
        }
    }

    @Test(arguments: SymbolicFunction.allCases, [10, 2, 0.7])
    func boundedFormIsFinite(function: SymbolicFunction, yTh: Double) {
        var special: [Double] = [0, -0.0, 1, -1, .pi / 2, -.pi / 2, 1e-300, -1e-300, 0x1p-1074, 1.5, -1.5, 40, -40]
        for x in thresholds(function, yTh) { special += [x, -x] }
        let (y, dy) = evaluate(function, special, yTh: yTh)
        for (n, x) in special.enumerated() {
            #expect(y[n].isFinite && dy[n].isFinite, "\(function) at \(x): \(y[n]), \(dy[n])")
        }
        let y0 = evaluate(function, Double.nan, yTh: yTh).y
        #expect(function == .zero ? y0 == 0 : y0.isNaN)
    }

    @Test(arguments: SymbolicFunction.allCases.filter { $0 != .arctanh }, [10, 2, 0.7])
    func boundedFormIsContinuous(function: SymbolicFunction, yTh: Double) {
        var kinks = [0.0, 1, -1]
        for x in thresholds(function, yTh) { kinks += [x, -x] }
        for x in kinks where !(function == .sgn && x == 0) {
            let below = evaluate(function, x - 1e-11, yTh: yTh).y
            let above = evaluate(function, x + 1e-11, yTh: yTh).y
            #expect(abs(above - below) < 1e-5, "\(function) at \(x): \(below), \(above)")
        }
    }

    /// Values of pykan's definitions, worked out by hand for yTh = 10.
    @Test func piecesOfTheBoundedForms() {
        func check(_ function: SymbolicFunction, _ x: Double, _ y: Double, _ dy: Double) {
            let result = evaluate(function, x, yTh: 10.0)
            #expect(abs(result.y - y) <= 1e-13 * abs(y) && abs(result.dy - dy) <= 1e-13 * abs(dy),
                    "\(function) at \(x): \(result), not \((y, dy))")
        }
        check(.inverse, -0.05, -5, 100)
        check(.inversePow2, -0.2, 10, 0)
        check(.inversePow2, -0.5, 4, 16)
        check(.inversePow3, 0.1, pow(10, 4 / 3.0) * 0.1, pow(10, 4 / 3.0))
        check(.inversePow4, 0.1, 10, 0)
        check(.inversePow5, 0.1, pow(10, 6 / 5.0) * 0.1, pow(10, 6 / 5.0))
        check(.sqrt, 0.005, 0.05, 10)
        check(.sqrt, -0.005, -0.05, 10)
        check(.sqrt, -4, -2, 0.25)
        check(.xPowThreeHalves, -4, 8, -3)
        check(.xPowThreeHalves, 0, 0, 0)
        check(.inverseSqrt, -0.005, 10, 0)
        check(.inverseSqrt, -4, 0.5, 0.0625)
        check(.exp, 3, 10, 0)
        check(.log, 1e-5, -10, 0)
        check(.log, -2, log(2), -0.5)
        check(.tan, .pi / 2 - 0.05, 10 / atan(0.1) * 0.05, -10 / atan(0.1))
        check(.tan, 3 * .pi / 2 + 0.05, -10 / atan(0.1) * 0.05, -10 / atan(0.1))
        check(.arctanh, 0.99995, 10, 0)
        check(.arctanh, -3, -10, 0)
        check(.arctanh, 0.9, atanh(0.9), 1 / 0.19)
        check(.arcsin, 2, .pi / 2, 0)
        check(.arcsin, -1, -.pi / 2, 0)
        check(.arccos, 2, 0, 0)
        check(.arccos, -2, .pi, 0)
    }

    // MARK: - Edges of the plain forms

    @Test func edgesOfTheDomains() {
        func check(_ function: SymbolicFunction, _ x: Double, _ y: Double, _ dy: Double) {
            let result = evaluate(function, x)
            func same(_ a: Double, _ b: Double) -> Bool { a == b || a.isNaN && b.isNaN }
            #expect(same(result.y, y) && same(result.dy, dy), "\(function) at \(x): \(result), not \((y, dy))")
        }
        let inf = Double.infinity, nan = Double.nan
        check(.inverse, 0, inf, -inf)
        check(.inverse, -0.0, -inf, -inf)
        check(.inversePow2, 0, inf, -inf)
        check(.inversePow4, -0.0, inf, inf)
        check(.sqrt, 0, 0, inf)
        check(.xPowHalf, -0.0, -0.0, inf)
        check(.sqrt, -1, nan, nan)
        check(.xPowThreeHalves, 0, 0, 0)
        check(.xPowThreeHalves, -1, nan, nan)
        check(.inverseSqrt, 0, inf, -inf)
        check(.log, 0, -inf, inf)
        check(.log, -1, nan, nan)
        check(.abs, 0, 0, 0)
        check(.abs, -2, 2, -1)
        check(.sgn, 0, 0, 0)
        check(.sgn, -0.1, -1, 0)
        check(.arcsin, 1, .pi / 2, inf)
        check(.arccos, -1, .pi, -inf)
        check(.arcsin, 1.0001, nan, nan)
        check(.arctanh, 1, inf, inf)
        check(.arctanh, -1.5, nan, nan)
        check(.zero, -3, 0, 0)
        check(.gaussian, 0, 1, 0)
        check(.gaussian, 1e200, 0, 0)
    }

    /// In place, and a count of 0.
    @Test func memory() {
        var x = [4.0, 9, 16], dy = [0.0, 0, 0]
        x.withUnsafeMutableBufferPointer {
            let x = $0.baseAddress!
            SymbolicFunction.sqrt.evaluate(
                x, count: 2, value: x, derivative: &dy, avoidSingularities: false, yTh: 10)
            SymbolicFunction.log.evaluate(
                x, count: 0, value: x, derivative: nil, avoidSingularities: true, yTh: 10)
        }
        #expect(x == [2, 3, 16] && dy == [0.25, 0.5 / 3, 0])
    }
}
