// The base functions of edges, silu, identity and zero, for a row of samples.
//
// What it must get right: silu(x) = x / (1 + e^-x) (torch's SiLU) without overflow: e^-x = ∞ gives 0 for finite x.

extension BaseFunction {
    /// value[v] = base(x[v]) and, if asked for, derivative[v] = base'(x[v]).
    @inline(never)
    func rows<T: KANScalar>(
        _: T.Type, x: UnsafePointer<T.Vector>, nv: Int, value: UnsafeMutablePointer<T.Vector>,
        derivative: UnsafeMutablePointer<T.Vector>?
    ) {
        switch self {
        case .silu:
            for v in 0..<nv {
                let sigmoid = T.sigmoid(x[v])
                let silu = x[v] * sigmoid
                value[v] = silu
                // d/dx x·σ = σ + x·σ·(1 - σ)
                if let derivative { derivative[v] = sigmoid + silu * (1 - sigmoid) }
            }
        case .identity:
            for v in 0..<nv {
                value[v] = x[v]
                if let derivative { derivative[v] = T.Vector(repeating: 1) }
            }
        case .zero:
            for v in 0..<nv {
                value[v] = x[v] * 0
                if let derivative { derivative[v] = .zero }
            }
        }
    }
}
