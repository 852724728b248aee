// SymbolicFunction: the 29 named functions that may take an edge's place.
//
// What it must get right, in this order:
//   1. The numbers and names of pykan's library: they are in saved models.
//   2. Value and derivative of the same function, also where a singularity is avoided; NaN outside the domain.
//   3. One decision a row, not one a sample.
//
// Source of the functions, their order and complexities: pykan 0.2.8, kan/utils.py, SYMBOLIC_LIB.
// The forms that avoid singularities are in SymbolicFunction+Bounded.swift.

/// A function of one number with pykan's name for it. The raw value is its number in the C interface.
public enum SymbolicFunction: Int, CaseIterable, Sendable {
    case x, xPow2, xPow3, xPow4, xPow5
    case inverse, inversePow2, inversePow3, inversePow4, inversePow5
    case sqrt, xPowHalf, xPowThreeHalves, inverseSqrt, inversePowHalf
    case exp, log, abs, sin, cos, tan, tanh, sgn
    case arcsin, arccos, arctan, arctanh
    case zero, gaussian

    /// pykan's name: "x", "x^2", "1/x", "sqrt", "sin", …
    public var name: String { staticName.description }

    /// The name as constant, zero-terminated bytes, for C.
    public var staticName: StaticString { entry.name }

    /// How complicated pykan takes the function to be, 0 ("0") to 5 ("1/x^5"); simple ones are preferred.
    public var complexity: Int { entry.complexity }

    /// The function of this name, or nil if the library has none.
    public init?(name: String) {
        guard let function = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = function
    }

    private var entry: (name: StaticString, complexity: Int) {
        switch self {
        case .x: ("x", 1)
        case .xPow2: ("x^2", 2)
        case .xPow3: ("x^3", 3)
        case .xPow4: ("x^4", 3)
        case .xPow5: ("x^5", 3)
        case .inverse: ("1/x", 2)
        case .inversePow2: ("1/x^2", 2)
        case .inversePow3: ("1/x^3", 3)
        case .inversePow4: ("1/x^4", 4)
        case .inversePow5: ("1/x^5", 5)
        case .sqrt: ("sqrt", 2)
        case .xPowHalf: ("x^0.5", 2)
        case .xPowThreeHalves: ("x^1.5", 4)
        case .inverseSqrt: ("1/sqrt(x)", 2)
        case .inversePowHalf: ("1/x^0.5", 2)
        case .exp: ("exp", 2)
        case .log: ("log", 2)
        case .abs: ("abs", 3)
        case .sin: ("sin", 2)
        case .cos: ("cos", 2)
        case .tan: ("tan", 3)
        case .tanh: ("tanh", 3)
        case .sgn: ("sgn", 3)
        case .arcsin: ("arcsin", 4)
        case .arccos: ("arccos", 4)
        case .arctan: ("arctan", 4)
        case .arctanh: ("arctanh", 4)
        case .zero: ("0", 0)
        case .gaussian: ("gaussian", 3)
        }
    }
}

// MARK: - Evaluation

extension SymbolicFunction {
    /// value[n] = f(x[n]) and, unless `derivative` is nil, derivative[n] = f′(x[n]), for n in 0 ..< `count`.
    ///
    /// The plain form (`avoidSingularities` false) is f itself: infinite at poles, NaN (value and derivative) outside
    /// the domain. The other form is defined for every real number; `yTh` > 0 says where it leaves f, about where
    /// |f| reaches `yTh`, and is not looked at otherwise.
    ///
    /// Derivatives at kinks: 0 for |x| and sgn at 0, +∞ for √x at 0; the pieces of the other form own their ends as
    /// its file says. A sample's result does not depend on the others. `x` and `value` may be the same memory.
    @specialized(where T == Double)
    @specialized(where T == Float)
    public func evaluate<T: KANScalar>(
        _ x: UnsafePointer<T>, count: Int, value: UnsafeMutablePointer<T>, derivative: UnsafeMutablePointer<T>?,
        avoidSingularities: Bool, yTh: T
    ) {
        let row = SymbolicRow(x: x, count: count, value: value, derivative: derivative)
        if avoidSingularities, evaluateBounded(row, yTh: yTh) { return }
        evaluatePlain(row)
    }

    @inline(__always)
    private func evaluatePlain<T: KANScalar>(_ row: SymbolicRow<T>) {
        switch self {
        case .x: row.map { x in x } derivative: { _, _ in 1 }
        case .xPow2: row.map { x in x * x } derivative: { x, _ in 2 * x }
        case .xPow3: row.map { x in x * x * x } derivative: { x, _ in 3 * (x * x) }
        case .xPow4: row.map { x in (x * x) * (x * x) } derivative: { x, _ in 4 * (x * x * x) }
        case .xPow5: row.map { x in (x * x) * (x * x) * x } derivative: { x, _ in 5 * ((x * x) * (x * x)) }

        case .inverse: row.map { x in 1 / x } derivative: { x, y in -y / x }
        case .inversePow2: row.map { x in 1 / (x * x) } derivative: { x, y in -2 * y / x }
        case .inversePow3: row.map { x in 1 / (x * x * x) } derivative: { x, y in -3 * y / x }
        case .inversePow4: row.map { x in 1 / ((x * x) * (x * x)) } derivative: { x, y in -4 * y / x }
        case .inversePow5: row.map { x in 1 / ((x * x) * (x * x) * x) } derivative: { x, y in -5 * y / x }

        case .sqrt, .xPowHalf:
            row.map { x in x.squareRoot() } derivative: { _, y in 0.5 / y.magnitude }
        case .xPowThreeHalves:
            row.map { x in x * x.squareRoot() } derivative: { x, _ in 1.5 * x.squareRoot() }
        case .inverseSqrt, .inversePowHalf:
            row.map { x in 1 / x.squareRoot() } derivative: { x, y in -0.5 * y / x }

        case .exp: row.map { x in T.exp(x) } derivative: { _, y in y }
        case .log: row.map { x in T.log(x) } derivative: { x, _ in x < 0 ? .nan : 1 / x.magnitude }
        case .abs: row.map { x in x.magnitude } derivative: { x, _ in sign(x) }
        case .sin: row.map { x in T.sin(x) } derivative: { x, _ in T.cos(x) }
        case .cos: row.map { x in T.cos(x) } derivative: { x, _ in -T.sin(x) }
        case .tan: row.map { x in T.tan(x) } derivative: { _, y in 1 + y * y }
        case .tanh: row.map { x in T.tanh(x) } derivative: { _, y in 1 - y * y }
        case .sgn: row.map { x in sign(x) } derivative: { _, _ in 0 }

        case .arcsin: row.map { x in T.asin(x) } derivative: { x, _ in 1 / ((1 - x) * (1 + x)).squareRoot() }
        case .arccos: row.map { x in T.acos(x) } derivative: { x, _ in -1 / ((1 - x) * (1 + x)).squareRoot() }
        case .arctan: row.map { x in T.atan(x) } derivative: { x, _ in 1 / (1 + x * x) }
        case .arctanh:
            row.map { x in T.atanh(x) } derivative: { x, _ in x.magnitude > 1 ? .nan : 1 / ((1 - x) * (1 + x)) }

        case .zero: row.map { _ in 0 } derivative: { _, _ in 0 }
        case .gaussian: row.map { x in T.exp(-(x * x)) } derivative: { x, y in -2 * x * y }
        }
    }
}

/// The samples of one edge: where they are and where their results go.
struct SymbolicRow<T: KANScalar> {
    let x: UnsafePointer<T>
    let count: Int
    let value: UnsafeMutablePointer<T>
    let derivative: UnsafeMutablePointer<T>?

    /// Applies f, and f′ as a function of x and f(x). Inlined into each case, so that the loops hold no call of theirs.
    @inline(__always)
    func map(_ f: (T) -> T, derivative df: (T, T) -> T) {
        if let derivative {
            for n in 0..<count {
                let x = x[n]
                let y = f(x)
                value[n] = y
                derivative[n] = df(x, y)
            }
        } else {
            for n in 0..<count { value[n] = f(x[n]) }
        }
    }
}

/// -1, 0 or 1; NaN stays NaN.
@inline(__always)
func sign<T: KANScalar>(_ x: T) -> T { x > 0 ? 1 : (x < 0 ? -1 : x * 0) }
