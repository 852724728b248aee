// KaczmarzLayer: a layer as the row updates of Newton-Kaczmarz see it: one sample forward, backward, and its change of the weights.
//
// What it must get right, in this order:
//   1. The same function and the same derivatives as LayerForward.swift and LayerBackward.swift, to rounding.
//   2. A sample touches k + 1 weights of an edge and its base weight, nothing else, and allocates nothing.
//   3. What does not train stays: weights of masked edges, of splines whose scale is 0, and zeros that only pad.
//
// Weights are the function's own coefficients, w = mask·scale_sp·coef, as (inputs, rows, outputs); the rows of an input are k zeros, the
// G + k coefficients, and k zeros, so that a cell's rows first + k … first + 2k (LocalBSpline.swift) are there without a bound to check.
// Outputs are padded to whole vectors, unless there is one: then the k + 1 rows of an input are the vector V.

/// Owns nothing: `KaczmarzMemory` does.
struct KaczmarzLayer<T: KANScalar, V: KANVector> where V.Scalar == T {
    typealias Vector = T.Vector
    typealias Numbers = UnsafeMutablePointer<T>

    let inputs, outputs, grid, k, basisCount, rowCount: Int
    /// Vectors of inputs and of outputs.
    let inputVectors, ov: Int
    let isSingle: Bool
    /// Numbers from one row to the next.
    let width: Int
    let baseFunction: BaseFunction
    let tables: UnsafeMutablePointer<LocalBSpline<T, V>>
    let weights, baseWeights: Numbers
    /// 1 for edges whose spline, or base function, trains; laid out as `baseWeights`.
    let splineOpen, baseOpen: Numbers
    var isFull = false
    var baseTrains = false
    /// Do grids stretch so that no sample falls outside.
    var stretches = false
    /// Is x of the next level z, and y its last.
    var isPlain = false

    /// The units in which the outputs count, squared, and those of the base functions; see NewtonKaczmarz.swift.
    let unit, baseUnit: Numbers

    // Of the sample at hand: cells, values and derivatives of the k + 1 functions, Σ_b B_b², the base function.
    let cells: UnsafeMutablePointer<Int>
    let values, slopes: UnsafeMutablePointer<V>
    let squares, base, baseSlope: Numbers
    /// x of the inputs and dy/dx; z of the outputs and dy/dz. y is the output, or the combination of outputs, that is at hand.
    let x, dx: Numbers
    var z, dz: Numbers
    let change: Numbers

    @inline(__always) private var hasBase: Bool { baseFunction != .zero }

    @inline(__always)
    private func vectors(_ p: Numbers) -> UnsafeMutablePointer<Vector> {
        UnsafeMutableRawPointer(p).assumingMemoryBound(to: Vector.self)
    }

    // MARK: - One sample

    /// z of the sample at x. With `derivatives`, what `pull` needs.
    @inline(__always)
    func forward(derivatives: Bool) {
        if hasBase {
            baseFunction.rows(
                T.self, x: vectors(x), nv: inputVectors, value: vectors(base), derivative: derivatives ? vectors(baseSlope) : nil)
        }
        for i in 0..<inputs {
            var (c, u) = tables[i].locate(x[i])
            if stretches, c < k || c >= basisCount, x[i].isFinite {
                stretch(i)
                (c, u) = tables[i].locate(x[i])
            }
            let (value, slope) = derivatives ? functions(i, c, u) : (values(i, c, u), V.zero)
            (cells[i], values[i], slopes[i]) = (Int(tables[i].first[c]) &+ k, value, slope)
            squares[i] = (value * value).sum()
        }
        if isSingle { sumSingle(derivatives: derivatives) } else { sumWide() }
    }

    /// Values of the k + 1 functions of cell c at u.
    @inline(__always)
    private func values(_ i: Int, _ c: Int, _ u: T) -> V {
        let (p, u) = (tables[i].polynomials + c &* (k &+ 1), V(repeating: u))
        switch k {
        case 1: return p[1] * u + p[0]
        case 3: return ((p[3] * u + p[2]) * u + p[1]) * u + p[0]
        default:
            var value = p[k]
            for power in stride(from: k &- 1, through: 0, by: -1) { value = value * u + p[power] }
            return value
        }
    }

    /// Values and derivatives.
    @inline(__always)
    private func functions(_ i: Int, _ c: Int, _ place: T) -> (V, V) {
        let (p, u) = (tables[i].polynomials + c &* (k &+ 1), V(repeating: place))
        // The polynomial of degree 0 does not see u; NaN has to come through it too.
        let inverse = tables[i].inverse[c] + place * 0
        switch k {
        case 1: return (p[1] * u + p[0], p[1] * inverse)
        case 3:
            // Horner's rule for both: q the quotients, d those of the derivative.
            let q = p[3] * u + p[2]
            let d = p[3] * u + q
            let r = q * u + p[1]
            return (r * u + p[0], (d * u + r) * inverse)
        default:
            var (value, slope) = (p[k], V.zero)
            for power in stride(from: k &- 1, through: 0, by: -1) {
                slope = slope * u + value
                value = value * u + p[power]
            }
            return (value, slope * inverse)
        }
    }

    /// Maps the knots of input i so that its grid reaches 1 % beyond x; the coefficients stay (Poluektov & Polar stretch likewise). In
    /// the variable u of a cell its polynomials are the same as before.
    @inline(never)
    private func stretch(_ i: Int) {
        let t = UnsafeMutablePointer(mutating: tables[i].knots)
        let inverse = UnsafeMutablePointer(mutating: tables[i].inverse)
        let (low, high) = (t[k], t[k + grid])
        let margin = (high - low) / 100
        let (newLow, newHigh) = (x[i] < low ? x[i] - margin : low, x[i] >= high ? x[i] + margin : high)
        let factor = (newHigh - newLow) / (high - low)
        guard factor > 1, factor.isFinite else { return }
        for m in 0...tables[i].cells { t[m] = newLow + (t[m] - low) * factor }
        for c in 0..<tables[i].cells { inverse[c] /= factor }
        tables[i].bucketScale /= factor
        (tables[i].low, tables[i].high) = (t[0], t[tables[i].cells])
    }

    @inline(__always)
    private func row(_ i: Int) -> UnsafeMutablePointer<Vector> {
        vectors(weights) + (i &* rowCount &+ cells[i]) &* ov
    }

    @inline(__always)
    private func singleRow(_ i: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(weights + (i &* rowCount &+ cells[i]))
    }

    /// One output: z, and dz/dx of the splines in dx.
    @inline(__always)
    private func sumSingle(derivatives: Bool) {
        var sum = V.zero
        for i in 0..<inputs {
            let w = singleRow(i).loadUnaligned(as: V.self)
            sum += w * values[i]
            if derivatives { dx[i] = (w * slopes[i]).sum() }
        }
        z[0] = sum.sum()
        if hasBase {
            // Padding inputs have weight 0.
            z[0] += RowKernels<T>.dot(vectors(base), vectors(baseWeights), inputVectors)
            if derivatives {
                for v in 0..<inputVectors {
                    vectors(dx)[v] = T.multiplyAdd(vectors(baseSlope)[v], vectors(baseWeights)[v], vectors(dx)[v])
                }
            }
        }
    }

    /// Many outputs: four vectors of z at a time stay in registers while all inputs pass.
    @inline(__always)
    private func sumWide() {
        let z = vectors(z)
        var o = 0
        while o &+ 4 <= ov {
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            forEachRow { v, row in
                a0 = T.multiplyAdd(v, row[o], a0)
                a1 = T.multiplyAdd(v, row[o &+ 1], a1)
                a2 = T.multiplyAdd(v, row[o &+ 2], a2)
                a3 = T.multiplyAdd(v, row[o &+ 3], a3)
            }
            (z[o], z[o &+ 1], z[o &+ 2], z[o &+ 3]) = (a0, a1, a2, a3)
            o &+= 4
        }
        while o < ov {
            var a = Vector.zero
            forEachRow { v, row in a = T.multiplyAdd(v, row[o], a) }
            z[o] = a
            o &+= 1
        }
    }

    /// Every row of weights that the sample touches, with the number it counts.
    @inline(__always)
    private func forEachRow(_ use: (Vector, UnsafeMutablePointer<Vector>) -> Void) {
        for i in 0..<inputs {
            let (row, value) = (row(i), values[i])
            if k == 1 {
                use(Vector(repeating: value[0]), row)
                use(Vector(repeating: value[1]), row + ov)
            } else {
                for j in 0...k { use(Vector(repeating: value[j]), row + j &* ov) }
            }
            if hasBase { use(Vector(repeating: base[i]), vectors(baseWeights) + i &* ov) }
        }
    }

    /// dy/dx from dy/dz, at the weights of `forward`.
    @inline(__always)
    func pull() {
        if isSingle {
            let d = Vector(repeating: dz[0])
            for v in 0..<inputVectors { vectors(dx)[v] *= d }
            return
        }
        let d = vectors(dz)
        for i in 0..<inputs {
            let (row, slope) = (row(i), slopes[i])
            var sum = Vector.zero
            for j in 0...k {
                let s = Vector(repeating: slope[j])
                for o in 0..<ov { sum = T.multiplyAdd(s * row[j * ov + o], d[o], sum) }
            }
            if hasBase {
                let (s, row) = (Vector(repeating: baseSlope[i]), vectors(baseWeights) + i * ov)
                for o in 0..<ov { sum = T.multiplyAdd(s * row[o], d[o], sum) }
            }
            dx[i] = sum.sum()
        }
    }

    /// The square of the length of dy/dw, measured in units.
    @inline(__always)
    func squaredLength() -> T {
        let (d, units) = (vectors(dz), vectors(unit))
        var square = Vector.zero
        for o in 0..<ov { square = T.multiplyAdd(d[o] * d[o], units[o], square) }
        if isFull {
            var inner = Vector.zero
            for v in 0..<inputVectors { inner += vectors(squares)[v] }
            if baseTrains {
                for v in 0..<inputVectors {
                    inner = T.multiplyAdd(vectors(base)[v] * vectors(base)[v], vectors(baseUnit)[v], inner)
                }
            }
            return square.sum() * inner.sum()
        }
        var total: T = 0
        for i in 0..<inputs {
            var (spline, own) = (T(0), T(0))
            for o in 0..<outputs {
                let part = dz[o] * dz[o] * unit[o]
                spline += splineOpen[i * width + o] * part
                own += baseOpen[i * width + o] * part
            }
            total += spline * squares[i]
            if baseTrains { total += own * base[i] * base[i] * baseUnit[i] }
        }
        return total
    }

    /// w += step·unit²·dy/dw
    @inline(__always)
    func move(_ step: T) {
        let q = vectors(change)
        for o in 0..<ov { q[o] = vectors(dz)[o] * vectors(unit)[o] * step }
        if isSingle { return moveSingle(change[0]) }
        for i in 0..<inputs {
            let (row, value) = (row(i), values[i])
            if !isFull {
                let open = vectors(splineOpen) + i * ov
                for j in 0...k {
                    let v = Vector(repeating: value[j])
                    for o in 0..<ov { row[j * ov + o] = T.multiplyAdd(v, q[o] * open[o], row[j * ov + o]) }
                }
            } else if k == 1 {
                let (v0, v1) = (Vector(repeating: value[0]), Vector(repeating: value[1]))
                for o in 0..<ov {
                    row[o] = T.multiplyAdd(v0, q[o], row[o])
                    row[ov + o] = T.multiplyAdd(v1, q[o], row[ov + o])
                }
            } else {
                for j in 0...k {
                    let v = Vector(repeating: value[j])
                    for o in 0..<ov { row[j * ov + o] = T.multiplyAdd(v, q[o], row[j * ov + o]) }
                }
            }
            if baseTrains {
                let (row, open) = (vectors(baseWeights) + i * ov, vectors(baseOpen) + i * ov)
                let b = Vector(repeating: base[i] * baseUnit[i])
                for o in 0..<ov { row[o] = T.multiplyAdd(b, q[o] * open[o], row[o]) }
            }
        }
    }

    @inline(__always)
    private func moveSingle(_ q: T) {
        for i in 0..<inputs {
            let row = singleRow(i)
            let w = row.loadUnaligned(as: V.self) + values[i] * (isFull ? q : q * splineOpen[i])
            row.storeBytes(of: w, as: V.self)
        }
        if baseTrains {
            let d = Vector(repeating: q)
            for v in 0..<inputVectors {
                vectors(baseWeights)[v] = T.multiplyAdd(
                    d * vectors(baseOpen)[v], vectors(base)[v] * vectors(baseUnit)[v], vectors(baseWeights)[v])
            }
        }
    }
}

extension BaseFunction {
    /// base(x)
    func value<T: KANScalar>(_ x: T) -> T {
        switch self {
        case .silu: x / (1 + T.exp(-x))
        case .identity: x
        case .zero: 0
        }
    }
}
